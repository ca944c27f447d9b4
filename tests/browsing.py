"""A real browser on one of our pages: what it asked for, what it complained about, how wide the page is.

async with visited(browser, url, width=390, theme="dark") as visit:
    visit.page, visit.complaints, visit.requests
"""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, Page, async_playwright

from harness.doctor import installed
from tests import getting

Theme = Literal["light", "dark"]
PHONE, DESK = 390, 1280
# What sticks out at the right of what can be seen, boxes and the text in them; what scrolls in its own box does not.
STICKS_OUT = """() => [...document.querySelectorAll('body *')]
  .filter(each => !each.closest('.scroll, pre, svg'))
  .filter(each => {
    const box = each.getBoundingClientRect()
    return box.left + Math.max(box.width, each.scrollWidth) > document.documentElement.clientWidth + 0.5
  })
  .map(each => each.tagName + '.' + each.className + ': ' + each.textContent.slice(0, 60))"""


@dataclass
class Visit:
    """One page in one window."""

    page: Page
    complaints: list[str] = field(default_factory=list)  # of the console, and errors of scripts
    requests: list[str] = field(default_factory=list)  # but for the page itself

    async def scrolls_sideways(self) -> bool:
        width: list[int] = await self.page.evaluate(
            "() => { const page = document.documentElement; return [page.scrollWidth, page.clientWidth] }"
        )
        return width[0] > width[1]

    async def sticks_out(self) -> list[str]:
        found: list[str] = await self.page.evaluate(STICKS_OUT)
        return found

    async def colour(self, selector: str, of: str) -> tuple[float, ...]:
        """Red, green and blue as the browser works them out."""
        text: str = await self.page.locator(selector).first.evaluate(
            f"each => getComputedStyle(each).getPropertyValue('{of}')"
        )
        assert text.startswith("rgb("), text
        return tuple(float(part) for part in text[4:-1].split(","))


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    """Debian's Chromium, or the one that Playwright has brought."""
    if installed.chromium().state != "good":
        pytest.skip(getting.chromium())
    program = next(filter(None, map(shutil.which, installed.BROWSERS)), None)
    flags = ["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
    if os.geteuid() == 0:
        flags += ["--no-sandbox"]  # as root it has none
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=flags)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visited(
    browser: Browser, url: str, width: int = DESK, theme: Theme = "light"
) -> AsyncIterator[Visit]:
    """A page, loaded, in a window of its own."""
    context = await browser.new_context(viewport={"width": width, "height": 844}, color_scheme=theme)
    try:
        visit = Visit(await context.new_page())
        listen(visit, url)
        await visit.page.goto(url, wait_until="load")
        yield visit
    finally:
        await context.close()


def listen(visit: Visit, url: str) -> None:
    def said(message: Any) -> None:
        if message.type in {"error", "warning"}:
            visit.complaints.append(message.text)

    def asked(request: Any) -> None:
        if request.url != url:
            visit.requests.append(request.url)

    visit.page.on("console", said)
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on("request", asked)
