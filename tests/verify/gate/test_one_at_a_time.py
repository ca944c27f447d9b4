"""The gate's turns: one verification at a time, no answer older than its question; and what its pages answer."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from harness.foundation.errors import UsageError
from harness.verify.gate.listen_address import Place, place_of
from harness.verify.gate.one_at_a_time import WAITING_MOST, Answer, BusyError, Turns
from harness.verify.gate.pages import CODE, application
from harness.verify.gate.serving import words_of


class Verifying:
    """A verification that ends when it is told to."""

    def __init__(self, code: int = 0) -> None:
        self.code, self.began, self.at_once, self.most_at_once = code, 0, 0, 0
        self.begins: asyncio.Queue[int] = asyncio.Queue()
        self.may_end = asyncio.Semaphore(0)

    async def __call__(self) -> Answer:
        self.began += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        number = self.began
        self.begins.put_nowait(number)
        await self.may_end.acquire()
        self.at_once -= 1
        return Answer(self.code, f"## run {number}", json.dumps({"run": number}))


async def test_who_asks_in_the_middle_waits_for_the_next_one_and_shares_it() -> None:
    """A deploy may lie between the beginning of a verification and the question."""
    verifying = Verifying()
    turns = Turns(verifying)
    first = asyncio.create_task(turns.answer())
    await verifying.begins.get()
    later = [asyncio.create_task(turns.answer()) for _ in range(3)]
    verifying.may_end.release()
    verifying.may_end.release()

    assert (await first).markdown == "## run 1"
    assert {(await task).markdown for task in later} == {"## run 2"}
    assert (verifying.began, verifying.most_at_once) == (2, 1)


async def test_whoever_goes_away_ends_nobody_else_s_verification() -> None:
    """Nor does one that could not be made end the next."""
    verifying = Verifying()
    turns = Turns(verifying)
    gone, stays = asyncio.create_task(turns.answer()), asyncio.create_task(turns.answer())
    await verifying.begins.get()
    gone.cancel()
    verifying.may_end.release()

    assert (await stays).markdown == "## run 1"
    assert gone.cancelled()

    async def broken() -> Answer:
        raise OSError("no room")

    turns.verify = broken
    with pytest.raises(OSError, match="no room"):
        await turns.answer()
    turns.verify = verifying
    verifying.may_end.release()
    assert (await turns.answer()).markdown == "## run 2"


async def test_not_everybody_may_wait_and_nothing_is_under_way_at_the_end() -> None:
    """The gate is no place to store requests."""
    verifying = Verifying()
    turns = Turns(verifying)
    waiting = [asyncio.create_task(turns.answer()) for _ in range(WAITING_MOST)]
    await verifying.begins.get()
    with pytest.raises(BusyError):
        await turns.answer()
    await turns.end()
    ended = await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(each) for each in ended} == {asyncio.CancelledError}


@pytest.fixture
async def verifying() -> Verifying:
    return Verifying()


@pytest.fixture
async def client(verifying: Verifying) -> AsyncIterator[ClientSession]:
    async with TestClient(TestServer(application(Turns(verifying)))) as started:
        yield started  # type: ignore[misc]


@pytest.mark.parametrize(("code", "status"), [(0, 200), (1, 500), (8, 500), (3, 500), (4, 500), (2, 500)])
async def test_only_what_holds_is_200(
    code: int, status: int, verifying: Verifying, client: ClientSession
) -> None:
    """As Markdown, and as JSON for who accepts that; by GET and by a webhook's POST."""
    verifying.code = code
    for _ in range(2):
        verifying.may_end.release()
    got = await client.get("/")
    posted = await client.post("/", json={"name": "canary"}, headers={"Accept": "application/json"})
    last = await client.get("/last")

    assert (got.status, got.headers[CODE], got.content_type) == (status, str(code), "text/markdown")
    assert await got.text() == "## run 1"
    assert (posted.status, posted.content_type, await posted.json()) == (
        status,
        "application/json",
        {"run": 2},
    )
    assert (last.status, await last.text(), verifying.began) == (status, "## run 2", 2)


async def test_a_page_of_another_site_starts_nothing(verifying: Verifying, client: ClientSession) -> None:
    """Nor does a look at the gate itself, or at what was."""
    refused = [
        await client.get("/", headers={"Origin": "http://elsewhere.example"}),
        await client.get("/", headers={"Sec-Fetch-Site": "cross-site"}),
    ]

    assert [each.status for each in refused] == [403, 403]
    assert (await client.head("/")).status == 405
    assert (await client.get("/alive")).status == 200
    assert (await client.get("/last")).status == 503
    assert verifying.began == 0


@pytest.mark.parametrize(
    ("text", "place"),
    [("8090", Place("127.0.0.1", 8090)), ("0.0.0.0:0", Place("0.0.0.0", 0)), ("[::1]:5", Place("::1", 5))],
)
def test_the_gate_is_of_this_machine_unless_a_host_is_named(text: str, place: Place) -> None:
    """With a port, always."""
    assert place_of(text) == place
    assert place.url(7).endswith(":7/")


@pytest.mark.parametrize("text", ["", "x", "1:2:3", "70000", "host name:1"])
def test_a_place_that_is_none_is_wrong_use(text: str) -> None:
    """Exit code 2."""
    with pytest.raises(UsageError, match=r"\[HOST:\]PORT"):
        place_of(text)


def test_a_command_line_is_made_of_what_was_given() -> None:
    """A value that begins with a dash stays a value."""
    given = [
        (["--keep-going"], True),
        (["-H", "--header"], ("A: b", "-c: d")),
        (["--url"], "u"),
        (["-k"], "-a b"),
        (["-x"], False),
    ]

    assert words_of(given) == ("--keep-going", "--header=A: b", "--header=-c: d", "--url=u", "-k", "-a b")
