"""report.html in a real browser: as a file, on a desk and on a phone, in both themes."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser

from harness.report import html
from harness.report.reading import read
from tests.browsing import DESK, PHONE, Theme, visited
from tests.fakes.runs import Run, faults, ramp

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOO_WIDE = """() => [...document.querySelectorAll('main *')]
  .filter(each => each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
  .map(each => each.tagName + '.' + each.className + ': ' + each.textContent.slice(0, 60))"""
PAPER = 700  # what A4 leaves between its margins
WINDOWS: list[tuple[int, Theme]] = [(DESK, "light"), (PHONE, "light"), (PHONE, "dark")]
THEMES: list[Theme] = ["light", "dark"]


def wordy() -> Run:
    """Names and messages without a single blank, longer than a phone is wide."""
    endless = "x" * 300
    run = Run(name="n" * 60, objectives=[f"p95 < 250ms for tools/call:{endless}"])
    run.metadata = {
        "target": {
            "url": f"http://127.0.0.1:8000/{endless}",
            "protocol": endless,
            "server": {"name": endless},
        },
        "argv": ["harness", "ramp", "--url", f"http://127.0.0.1:8000/{endless}"],
    }
    run.fault("f" * 60, 3.0, 2.0, why=endless, through_ms=1.0)
    run.level(20, operation=f"tools/call:{endless}", failing=0.2, detail=endless)
    run.end()
    return run


# Runs whose pages are looked at.
RUNS: dict[str, Callable[[], Run]] = {"ramp": ramp, "faults": faults, "wordy": wordy}


# In `make test` each page is looked at in some way, and each way of looking at some page; `make long` has them all.
LOOKED_AT = [("ramp", (PHONE, "dark")), ("faults", (DESK, "light")), ("wordy", (PHONE, "light"))]
EXAMINED = [("ramp", "light"), ("faults", "dark")]


def every(ways: Iterable[Any], short: Sequence[tuple[str, Any]]) -> list[Any]:
    """Each page in each way; those that are not `short` are long."""
    return [
        pytest.param(name, way, marks=() if (name, way) in short else pytest.mark.long)
        for name in RUNS
        for way in ways
    ]


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report as `harness` writes it."""
    place = RUNS[request.param]().write(tmp_path_factory.mktemp(request.param))
    path = place / "report.html"
    path.write_text(html.html(read(place)), encoding="utf-8")
    return path.as_uri()


@pytest.mark.parametrize(("report", "window"), every(WINDOWS, LOOKED_AT), indirect=["report"])
async def test_the_report_is_whole_by_itself_and_fits(
    report: str, window: tuple[int, Theme], browser: Browser
) -> None:
    """Nothing is loaded, nothing is wrong, nobody scrolls sideways, ink stands out from its ground."""
    width, theme = window
    async with visited(browser, report, width, theme) as visit:
        assert visit.complaints == []
        assert visit.requests == []
        assert await visit.sticks_out() == []
        assert not await visit.scrolls_sideways()
        ground, ink = await visit.colour("body", "background-color"), await visit.colour("body", "color")
        assert (max(ground) < 80) == (theme == "dark")
        assert contrast(ground, ink) >= 7


@pytest.mark.parametrize(("report", "theme"), every(THEMES, EXAMINED), indirect=["report"])
async def test_axe_finds_nothing_serious(report: str, theme: Theme, browser: Browser) -> None:
    """Contrast, names, roles, tables, what can be reached by keyboard; with every table of numbers open."""
    async with visited(browser, report, DESK, theme) as visit:
        await visit.page.evaluate(
            "() => document.querySelectorAll('details').forEach(each => each.open = true)"
        )
        found = await Axe().run(visit.page)

    serious = [one for one in found.response["violations"] if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in serious] == []


@pytest.mark.parametrize(
    ("report", "width"), every([PAPER], [("faults", PAPER), ("wordy", PAPER)]), indirect=["report"]
)
async def test_the_report_prints_dark_on_white_with_nothing_cut_off_or_folded(
    report: str, width: int, browser: Browser
) -> None:
    """Whatever theme the screen has; how each fault was verified is on paper, the tables of numbers are not."""
    async with visited(browser, report, width, "dark") as visit:
        await visit.page.emulate_media(media="print", color_scheme="dark")
        assert await visit.colour("body", "background-color") == (255, 255, 255)
        assert contrast((255, 255, 255), await visit.colour("body", "color")) >= 7
        assert await visit.page.evaluate(TOO_WIDE) == []
        heights: list[float] = await visit.page.evaluate(
            "() => [...document.querySelectorAll('details:not(.numbers) table')].map(each => each.offsetHeight)"
        )
        assert all(heights)
        assert await visit.page.locator(".numbers").evaluate_all("all => all.every(one => !one.offsetHeight)")


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """As WCAG 2 defines it: 1 is none, 21 is black on white."""

    def light(colour: tuple[float, ...]) -> float:
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<script>nothing.there()</script>", "complaints"),
        ("<script>console.warn('hm')</script>", "complaints"),
        ("<img src='other.png' alt=''>", "requests"),
        ("<p style='width: 800px'>wide</p>", "sideways"),
        ("<p style='overflow: hidden'><b style='margin-left: 380px'>cut off</b></p>", "sticks out"),
    ],
)
async def test_what_a_page_must_not_do_is_noticed(
    body: str, found: str, tmp_path: Path, browser: Browser
) -> None:
    """The test above can fail."""
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><html lang=en><title>t</title><body>{body}</body></html>")
    async with visited(browser, path.as_uri(), PHONE) as visit:
        seen = {
            "complaints": bool(visit.complaints),
            "requests": bool(visit.requests),
            "sideways": await visit.scrolls_sideways(),
            "sticks out": bool(await visit.sticks_out()),
        }
    assert seen[found]
