"""One verification, top to bottom: pytest runs the checks in this process, and a recorder hears how each ended.

Nothing of the user's own pytest has a say in it: no configuration, no plug-in that is merely installed. A conftest.py beside checks of
the user's own does.
"""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import pytest

from harness.foundation.errors import INTERNAL, INTERRUPTED, HarnessError, UsageError
from harness.verify.finding import Result, exit_code
from harness.verify.fixtures import SHARED
from harness.verify.plugin import CHECKS, category_of, name_of, place_of, priority_of, result_of
from harness.verify.settings import Settings
from harness.verify.target import Target

QUIET: Final = ("terminalreporter", "logging-plugin")
FIRST: Final = "test_p1_reach.py::test_somebody_answers"
FILES: Final = "test_p[12]_*.py"
OF_PYTEST: Final = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")


@dataclass(frozen=True, slots=True)
class Listed:
    """A check that would run."""

    priority: int
    category: str
    place: str


@dataclass(slots=True)
class Recorder:
    """A plug-in that hears, and says nothing."""

    on_result: Callable[[Result], None]
    target: Target | None = None
    results: list[Result] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    there: dict[str, int] = field(
        default_factory=dict
    )  # every check by name, also those not chosen: its priority
    errors: list[str] = field(default_factory=list)
    interrupted: bool = False
    reached: bool = True
    _heard: Result | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Who would write to the terminal is sent away."""
        if self.target is not None:
            config.stash[SHARED] = self.target
        for name in QUIET:
            if (plugin := config.pluginmanager.get_plugin(name)) is not None:
                config.pluginmanager.unregister(plugin)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """All checks that there are, before some are chosen."""
        self.there |= {name_of(item): priority for item in items if (priority := priority_of(item))}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            priority = priority_of(item)
            if priority is not None:
                self.listed.append(Listed(priority, category_of(item), place_of(item)))

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """A file that cannot be read, by its name: its report does not say it."""
        report = yield
        if report.failed:
            lines = report.longreprtext.strip().splitlines() or ["it cannot be collected"]
            self.errors.append(f"{collector.path.name}: {lines[-1].removeprefix('E').strip()}")
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A check is over when what it made is removed; that may fail, too."""
        found = result_of(report)
        if found is not None and (self._heard is None or found.outcome == "failed"):
            self._heard = found
        if report.when != "teardown" or self._heard is None:
            return
        result, self._heard = self._heard, None
        self.results.append(result)
        if result.place == FIRST and result.outcome == "failed":
            self.reached = False
        self.on_result(result)

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True

    def exit_code(self) -> int:
        """Of what was heard."""
        return INTERRUPTED if self.interrupted else exit_code(self.results, reached=self.reached)


def run(settings: Settings, paths: Sequence[str], recorder: Recorder, *, only_list: bool = False) -> None:
    """All checks that were asked for: ours, and those at the user's paths."""
    argv = [
        "-c", os.devnull, "--rootdir", os.curdir, "--disable-plugin-autoload", "--import-mode", "importlib",
        "-p", "no:cacheprovider", "-p", "no:threadexception", "-p", "no:unraisableexception", "-p", "no:faulthandler",
        "-o", f"python_files={FILES}", "-p", "harness.verify.plugin",
        *settings.options(), *(["--collect-only"] if only_list else []), str(CHECKS), *paths,
    ]  # fmt: skip
    with _alone():
        ended = pytest.main(argv, plugins=[recorder])
    if recorder.errors:
        raise UsageError(
            "The checks cannot be read",
            "\n".join(recorder.errors[:5]),
            "Correct them; docs/verify.md says what a check of your own looks like",
        )
    if ended == pytest.ExitCode.USAGE_ERROR:
        raise UsageError(
            "The checks cannot be run as asked",
            "pytest refused a path or a pattern",
            "See `harness verify --help`",
        )
    if ended == pytest.ExitCode.INTERNAL_ERROR:
        raise BrokenSuiteError(
            "The suite itself crashed",
            "That is a bug of the harness, or of a conftest.py",
            "Run again with --debug for details",
        )


class BrokenSuiteError(HarnessError):
    """No check's fault."""

    exit_code = INTERNAL


@contextmanager
def _alone() -> Iterator[None]:
    """What the environment says to pytest is for the tests of whoever set it."""
    kept = {name: os.environ.pop(name) for name in OF_PYTEST if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
