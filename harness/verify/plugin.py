"""What pytest needs to verify a deployment: `pytest -p harness.verify.plugin --verify-url URL --pyargs harness.verify.checks`.

Checks are tests in files test_p1_*.py and test_p2_*.py; other tests of the same session are left alone. P1 comes first. After a P1 check that
does not hold the others are skipped, unless --verify-keep-going says otherwise. How a check ended travels with its report, as RESULT.
"""

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from harness.foundation.errors import HarnessError
from harness.foundation.secrets.hiding import hide
from harness.foundation.units import MS_PER_S
from harness.mcp import stdio_address
from harness.verify import settings
from harness.verify.finding import CATEGORIES, HTTP, STOPPED_BY, Outcome, Result, UndecidedError, skip
from harness.verify.target import Target

pytest_plugins = ("harness.verify.fixtures", "harness.verify.backends.fixtures", "harness.verify.inprocess")

RESULT: Final = "harness.verify"
CHECKS: Final = Path(__file__).parent / "checks"
STOPPED: Final = pytest.StashKey[str]()
_PRIORITY: Final = re.compile(r"test_p([12])_\w+\.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    settings.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    for name, about in CATEGORIES.items():
        config.addinivalue_line("markers", f"{name}: {about}")
    config.addinivalue_line("markers", f"{HTTP}: it is about HTTP, or about clients that share one server")


def priority_of(item: pytest.Item) -> int | None:
    """By the name of its file; None of a test that is no check."""
    match = _PRIORITY.fullmatch(item.path.name)
    return int(match[1]) if match else None


def category_of(item: pytest.Item) -> str:
    """The mark that says so; empty without one."""
    return next((mark.name for mark in item.iter_markers() if mark.name in CATEGORIES), "")


def name_of(item: pytest.Item) -> str:
    """The sentence that a check is named for."""
    return str(getattr(item, "originalname", item.name)).removeprefix("test_").replace("_", " ")


def place_of(item: pytest.Item) -> str:
    """FILE::TEST; the nodeid of a file outside of the current directory has no file in it."""
    return f"{item.path.name}::{item.name}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Only what was asked for; what must hold first, and first of that whether anybody is there."""
    asked = settings.read(config.getoption)
    wanted: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        priority = priority_of(item)
        fits = priority is None or (
            asked.priority in {None, priority}
            and (not asked.categories or category_of(item) in asked.categories)
        )
        (wanted if fits else left).append(item)
    order = [*CATEGORIES, ""]
    wanted.sort(key=lambda item: (priority_of(item) or 9, order.index(category_of(item))))
    items[:] = wanted
    if left:
        config.hook.pytest_deselected(items=left)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Nothing more of what a failed P1 check has decided."""
    stopped = item.config.stash.get(STOPPED, "")
    if stopped and priority_of(item) is not None:
        pytest.skip(f"{STOPPED_BY}: {stopped}\nadd --keep-going, or fix that first")
    if item.get_closest_marker(HTTP) and stdio_address.command(settings.url_of(item.config.getoption)):
        skip(
            "over stdio each client starts a process of its own: there is no HTTP, and nothing is shared",
            "verify it by --url, where it is served over HTTP",
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts the result of a check beside its report; of what pytest alone would call a failure some are unknown."""
    report = yield
    priority = priority_of(item)
    ended = call.when == "call" or report.outcome != "passed"
    if priority is None or not ended:
        return report
    outcome, why, how = _came_to(item, report, call.excinfo.value if call.excinfo else None)
    if call.when == "teardown":
        outcome, why = "failed", f"what it made could not be removed: {why}"
    if outcome == "unknown":
        report.longrepr = f"unknown: {why}"
    name = name_of(item)
    accepted = _accepted(item, name) if outcome == "failed" and priority == 2 and call.when == "call" else ""
    if accepted:
        outcome, why, how = (
            "skipped",
            f"verify.yaml accepts that it fails ({accepted}): {why}",
            "drop it from accept",
        )
        report.outcome, report.longrepr = "skipped", (str(item.path), 0, why)
    tried = item.funcargs.get("target") if isinstance(item, pytest.Function) else None
    exchanges = (
        tried.exchanges.shown() if isinstance(tried, Target) and outcome in {"failed", "unknown"} else ()
    )
    result = Result(
        name=name,
        case=item.callspec.id if hasattr(item, "callspec") else "",
        place=place_of(item),
        priority=priority,
        category=category_of(item),
        outcome=outcome,
        why=hide(why),
        how=hide(how),
        started_ms=int(call.start * MS_PER_S),
        duration_s=call.duration,
        tries=getattr(tried, "tries", 1),
        exchanges=exchanges,
    )
    report.user_properties.append((RESULT, msgspec.to_builtins(result)))
    if outcome == "failed" and priority == 1 and not item.config.getoption("--verify-keep-going"):
        item.config.stash[STOPPED] = result.title
    return report


def _accepted(item: pytest.Item, name: str) -> str:
    """Why verify.yaml lets this check fail; empty when it does not."""
    tried = item.funcargs.get("target") if isinstance(item, pytest.Function) else None
    return tried.spec.accept.get(name, "") if isinstance(tried, Target) else ""


def _came_to(
    item: pytest.Item, report: pytest.TestReport, raised: BaseException | None
) -> tuple[Outcome, str, str]:
    """The outcome, why, and what to do about a skipped one."""
    if raised is None:
        return "passed", "", ""
    if isinstance(raised, pytest.skip.Exception):
        why, _, how = str(raised.msg or "").partition("\n")
        return "skipped", why, how
    if isinstance(raised, UndecidedError):
        return "unknown", "\n".join(raised.lines()), ""
    if isinstance(raised, pytest.fail.Exception):
        return "failed", str(raised.msg or ""), ""
    if isinstance(raised, HarnessError):
        return "failed", "\n".join(raised.lines()), ""
    if CHECKS in item.path.parents and not isinstance(raised, AssertionError):
        return "unknown", f"the check itself crashed: {type(raised).__name__}: {raised}", ""
    return "failed", _last_line(report), ""


def _last_line(report: pytest.TestReport) -> str:
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else str(report.longrepr or "")


def result_of(report: pytest.TestReport) -> Result | None:
    """What the plug-in put beside a report."""
    result = dict(report.user_properties).get(RESULT)
    return msgspec.convert(result, Result) if result is not None else None
