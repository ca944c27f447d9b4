"""report.html of `harness verify` in a real browser: on a desk and on a phone, in both themes."""

from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from harness.verify.exchanges import Exchange
from harness.verify.finding import Outcome, Result
from harness.verify.results.html import html
from harness.verify.results.suite import SuiteResult
from tests.browsing import DESK, PHONE, Theme, visited

pytestmark = pytest.mark.asyncio(loop_scope="session")
ENDLESS = "x" * 400
HOSTILE = "<script>nothing.there()</script><img src='http://elsewhere.example/x.png'>"
OPENED = "() => document.querySelectorAll('details').forEach(each => each.open = true)"
WINDOWS = [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")]


def result(outcome: Outcome, priority: int, why: str = "", how: str = "") -> Result:
    exchange = Exchange(
        f"POST http://127.0.0.1:8000/{ENDLESS}", "tools/call:x", (f"X-Long: {ENDLESS}",), f'{{"a": "{ENDLESS}"}}',
        f"http_status (HTTP 500): {ENDLESS}", ("content-type: text/html",), HOSTILE, 12.5,
    )  # fmt: skip
    wrong = outcome in {"failed", "unknown"}
    return Result(
        f"it works {ENDLESS}", "door", "test_p1_x.py::test_it", priority, "tools", outcome, why, how,
        exchanges=(exchange,) * 3 if wrong else (),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Every outcome, long words, and what a server might send to break out of it."""
    results = (
        result("passed", 1),
        result("failed", 1, f"{HOSTILE}\n{ENDLESS}"),
        result("skipped", 2, ENDLESS, ENDLESS),
        result("unknown", 2, HOSTILE),
    )
    suite = SuiteResult(f"http://127.0.0.1/{ENDLESS}", f"{HOSTILE} 7", results, 1, 1_700_000_000_000, 1.5)
    path: Path = tmp_path_factory.mktemp("verify") / "report.html"
    path.write_text(html(suite), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize(("width", "theme"), WINDOWS)
async def test_the_page_is_whole_by_itself_fits_and_can_be_read_by_anybody(
    page: str, width: int, theme: Theme, browser: Browser
) -> None:
    """Nothing is loaded or run, nobody scrolls sideways, axe finds nothing serious; with every exchange open."""
    async with visited(browser, page, width, theme) as visit:
        await visit.page.evaluate(OPENED)
        ground = await visit.colour("body", "background-color")

        assert (visit.complaints, visit.requests) == ([], [])
        assert await visit.sticks_out() == []
        assert not await visit.scrolls_sideways()
        assert (max(ground) < 80) == (theme == "dark")
        assert await visit.page.locator(".exchanges > section").count() == 6
        found = await Axe().run(visit.page)
    serious = [one for one in found.response["violations"] if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in serious] == []
