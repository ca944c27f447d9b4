"""What was exchanged behind a check that does not hold: bounded, without secrets, and on a page that nothing can break out of."""

import asyncio
import json

import pytest

from harness.client.witness import KEPT_BYTES, Glimpse, Seen
from harness.foundation.secrets import hiding, sources
from harness.mcp import outcome
from harness.mcp.messages import Reply
from harness.verify.exchanges import BODY_CHARS, MOST, Exchanges
from harness.verify.results.html import html
from harness.verify.results.suite import SuiteResult
from harness.verify.settings import Settings
from harness.verify.suite import verify
from tests.fakes.deployment import deployed

SECRET = "s3cr3t-of-the-page-41"


def seen(body: bytes = b"", sent: bytes = b"{}", **headers: str) -> Seen:
    looked = Glimpse(headers)
    looked.piece(body)
    return Seen(
        f"http://me:{SECRET}@127.0.0.1:1/mcp", "POST", "tools/call:x", {"Authorization": SECRET, "Accept": "a/b"}, sent,
        len(sent), Reply(outcome.OK, "", 200), headers, bytes(looked.body), looked.received, 0.01,
    )  # fmt: skip


def shown(*all_seen: Seen) -> str:
    heard = Exchanges()
    for each in all_seen:
        heard.hear(each)
    return repr(heard.shown())


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"result": {"access_token": "never-shown-1"}}).encode(),
        b'event: message\ndata: {"password": "never-shown-1", "more": [1]}\n\n',
        b"token=never-shown-1 and more",
        json.dumps({"text": "Authorization: Bearer never-shown-1"}).encode(),
        b'{"password": "never-shown-1", "cut": "' + b"x" * KEPT_BYTES,
        b"[" * 4000,
        b"\xff\xfe",
    ],
)
def test_no_secret_is_in_what_is_shown_of_an_exchange(body: bytes) -> None:
    """Known ones wherever they stand; others by the name that they stand under."""
    sources.headers({"Authorization": SECRET})
    found = shown(
        seen(body, b'{"token": "never-shown-1"}', **{"Set-Cookie": "never-shown-1", "Date": "today"})
    )

    assert "never-shown-1" not in found
    assert SECRET not in found
    assert "Date: today" in found
    assert "Accept: a/b" in found


def test_what_is_shown_is_bounded_and_says_what_was_left_out() -> None:
    """The last exchanges, and the beginning of each body."""
    heard = Exchanges()
    for number in range(MOST + 5):
        heard.hear(seen(json.dumps({"number": number, "pad": "x" * 100_000}).encode()))
    found = heard.shown()

    assert len(found) == MOST
    assert '"number": 5' in found[0].body
    assert max(len(each.body) for each in found) < BODY_CHARS + 100
    assert "100.0 KB in all" in found[0].body


def test_a_check_shows_its_own_exchanges_and_those_it_goes_by() -> None:
    """What was asked once for all, by its name; nothing twice."""
    heard = Exchanges()
    with heard.keeping("door"):
        heard.hear(kept := seen(b"the door"))
    heard.recall("door")
    once = heard.shown()
    heard.begin()
    heard.hear(seen(b"its own"))
    heard.recall("door")
    heard.recall("never asked")

    assert kept.body == b"the door"
    assert [each.body for each in once] == ["the door"]
    assert [each.body for each in heard.shown()] == ["its own", "the door"]


async def failing(*wrong: str) -> SuiteResult:
    async with deployed(*wrong) as (url, _):
        settings = Settings(url, headers={"X-Key": SECRET}, keep_going=True)
        return await asyncio.to_thread(verify, settings, [], lambda _: None)


async def test_a_check_that_fails_has_what_was_sent_and_what_came_back() -> None:
    """Also where a door was looked at for an earlier check; what holds has none."""
    suite = await failing("no handshake", "types are ignored")
    told = {result.title: result.exchanges for result in suite.results if result.exchanges}
    handshake = told["a session is opened and lists its tools [2025-11-25]"]
    taken = told["an argument of the wrong type is an error [2026-07-28]"]

    assert {result.outcome for result in suite.results if result.exchanges} == {"failed"}
    assert [(each.operation, each.came_to) for each in handshake] == [
        ("initialize", "http_status (HTTP 503)")
    ]
    assert [each for each in taken if '"no"' in each.request_body and '"seen' in each.body]
    assert any("X-Key: (hidden)" in each.request_headers for each in taken)


async def test_the_page_holds_no_markup_of_a_server_s_and_no_secret() -> None:
    """Each check that does not hold is there with its exchanges, and every check in the tables."""
    hiding.learn(SECRET)
    suite = await failing("an error page")
    page = html(suite)

    assert "<h1>Something" not in page
    assert "&lt;h1&gt;Something went wrong" in page
    assert "<script" not in page
    assert SECRET not in page
    assert "Content-Security-Policy" in page
    assert page.count("<tr>") == len(suite.results) + 2  # two heads
    assert "not fit to serve" in page.lower()
