"""Entries written and read back on a real MCP server, honest and not."""

import asyncio
import inspect
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from harness.analysis.faults.work import findings, measure
from harness.conduct.durability import entries
from harness.conduct.durability.entries import EntryRequest
from harness.conduct.setup import trial
from harness.foundation.clock import RealClock, RunClock
from harness.foundation.errors import UsageError
from harness.scenario import model
from harness.scenario.model import Tool
from harness.services.processes.ports import free_port
from tests.fakes.mcp_server import served

WORK = model.Work(
    write=Tool(call="write", args={"note": "about {{entry}}"}), read=Tool(call="read"), rate=200.0
)


PAGE = 4


class Notes:
    """A server in this process that keeps notes, and what it was told; `behave` is called before each write and read."""

    def __init__(
        self,
        behave: Callable[[str, int], Any] = lambda _what, _number: None,
        copies: Callable[[int], int] = lambda _number: 1,
    ) -> None:
        self.told: list[dict[str, Any]] = []
        self.kept: list[str] = []
        self.server = MCPServer("notes")

        @self.server.tool()
        async def write(note: str, size: int = 0, colour: str = "") -> str:
            self.told.append({"note": note, "size": size, "colour": colour})
            if inspect.isawaitable(answer := behave("write", len(self.told))):
                await answer
            self.kept.extend([note] * copies(len(self.told)))
            return "written"

        @self.server.tool()
        async def read(after: int = 0) -> dict[str, Any]:
            behave("read", len(self.told))
            page = self.kept[after : after + PAGE]
            return {"notes": page, "next": after + PAGE if len(page) == PAGE else None}


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is busy beside other tests is no server that does not answer."""
    monkeypatch.setattr(entries, "TIMEOUT_S", 60.0)


async def written(
    place: Path, notes: Notes, enough: int, work: model.Work = WORK, *, back: bool = True
) -> list[dict[str, Any]]:
    """The lines of work.jsonl when so many entries have been settled, and read back."""
    clock = RealClock()
    async with served(notes.server) as url:
        door = EntryRequest(url, "2025-11-25", {})
        with entries.opened(place / "work.jsonl", work, "run-1", RunClock.of(clock), 7) as written:
            writing = asyncio.ensure_future(written.write(door))
            while lines(place).count("\n") < enough:
                assert not writing.done()
                await asyncio.sleep(0.02)
            writing.cancel()
            await asyncio.wait([writing])
            if back:
                await written.read(door)
    return [json.loads(line) for line in lines(place).splitlines()]


@pytest.mark.parametrize(
    ("copies", "missing", "duplicated"),
    [
        (lambda _number: 1, False, False),
        (lambda number: int(number % 3 != 0), True, False),
        (lambda _number: 2, False, True),
    ],
    ids=["honest", "lossy", "twice"],
)
async def test_losses_and_duplicates_are_found(
    tmp_path: Path, copies: Callable[[int], int], missing: bool, duplicated: bool
) -> None:
    """Page by page; what an honest server was told is there, once."""
    notes = Notes(copies=copies)
    found = measure(await written(tmp_path, notes, 12))

    assert found is not None
    assert 10 <= found.acknowledged <= len(notes.told)
    assert (bool(found.missing), bool(found.duplicated)) == (missing, duplicated)


async def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that is not there is an answer; a server that is not there gives none."""
    monkeypatch.setattr(entries, "PATIENCE_S", 0.0)
    clock = RealClock()
    work = model.Work(write=WORK.write, read=Tool(call="raed"))
    async with served(Notes().server) as url:
        with entries.opened(tmp_path / "work.jsonl", work, "run-1", RunClock.of(clock)) as written:
            await written.read(EntryRequest(url, "2025-11-25", {}))
            await written.read(EntryRequest("http://127.0.0.1:9/mcp", "2025-11-25", {}))

    told: list[dict[str, Any]] = [json.loads(line) for line in lines(tmp_path).splitlines()]
    assert [(bool(line["unread"]), line["answered"]) for line in told] == [(True, True), (True, False)]


async def test_entries_go_by_their_schedule_whatever_the_answers_take(tmp_path: Path) -> None:
    """None is ahead of its time, and six are under way at once while the first still waits for its answer."""
    there, under_way = asyncio.Event(), 0

    async def all_six() -> None:
        nonlocal under_way
        under_way += 1
        if under_way == 6:
            there.set()
        await there.wait()

    notes = Notes(lambda what, _number: all_six() if what == "write" else None)
    rate = 20.0
    told = await written(tmp_path, notes, 12, replace(WORK, rate=rate))

    entries = sorted((line for line in told if "entry" in line), key=lambda line: line["entry"])
    assert [line["outcome"] for line in entries[:6]] == ["ok"] * 6
    for number, line in enumerate(entries):
        assert line["sent_ns"] >= number / rate * 1e9 - 1e6
    assert len(entries) == len(notes.told)


async def test_templates_are_filled_in_and_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    """Beside the name of the entry; a number stays one."""
    args = {
        "note": "of {{ run }}: {{entry}}",
        "size": "{{random_int 1 100}}",
        "colour": "{{random_choice red blue}}",
    }
    work = model.Work(write=Tool(call="write", args=args), read=Tool(call="read"), rate=200.0)
    first, second = Notes(), Notes()
    for number, notes in enumerate((first, second)):
        (tmp_path / str(number)).mkdir()
        await written(tmp_path / str(number), notes, 8, work, back=False)

    told = {one["note"]: one for one in first.told}
    assert all(1 <= one["size"] <= 100 and one["colour"] in {"red", "blue"} for one in first.told)
    assert len({one["size"] for one in first.told}) > 1
    assert "of run-1: run-1-00000001" in told
    assert all(told[one["note"]] == one for one in second.told if one["note"] in told)


async def test_a_server_that_refuses_every_write_has_shown_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All were answered, with errors: none of them is called unanswered."""
    monkeypatch.setattr(entries, "ENDING_S", 60.0)

    def refuse(what: str, _number: int) -> None:
        if what == "write":
            raise ToolError("disk full")

    found = measure(await written(tmp_path, Notes(refuse), 10))
    assert found is not None
    assert (found.acknowledged, found.indeterminate) == (0, 0)
    assert found.refused >= 10
    assert found.refusals.startswith("tool_error: ")
    assert "disk full" in found.refusals
    assert [(one.outcome, one.exit_code) for one in findings(found)] == [("unknown", 3)]


async def test_a_server_that_destroyed_what_it_had_acknowledged_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took eight, broke its file, and answers every read from then on with an error."""
    monkeypatch.setattr(entries, "PATIENCE_S", 0.0)

    def broken(what: str, number: int) -> None:
        if what == "read" or number > 8:
            raise ToolError("Unexpected token } in JSON at position 512")

    found = measure(await written(tmp_path, Notes(broken), 12))
    assert found is not None
    assert (found.acknowledged, found.missing, found.answered) == (8, 8, True)
    (finding,) = findings(found)
    assert (finding.outcome, finding.exit_code) == ("fail", 1)
    assert finding.reason.startswith(
        "8 acknowledged entries could not be read back: the server answers tool_error: "
    )


async def test_a_server_that_cannot_read_for_a_moment_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may still be starting."""
    monkeypatch.setattr(entries, "AGAIN_S", 0.01)
    times = itertools.count()

    def starting(what: str, _number: int) -> None:
        if what == "read" and next(times) < 3:
            raise ToolError("not yet")

    found = measure(await written(tmp_path, Notes(starting), 3))
    assert found is not None
    assert (found.missing, found.unread) == (0, "")


async def test_an_entry_for_which_no_session_could_be_opened_was_never_delivered(tmp_path: Path) -> None:
    """Refused, not indeterminate; and what was acknowledged elsewhere is counted though nobody can read it."""
    clock = RealClock()
    nobody = EntryRequest(f"http://127.0.0.1:{free_port('127.0.0.1')}/mcp", "2025-11-25", {})
    with entries.opened(tmp_path / "work.jsonl", WORK, "run-1", RunClock.of(clock)) as written:
        written.say(entry="run-1-99999999", sent_ns=1, done_ns=2, outcome="ok")
        writing = asyncio.ensure_future(written.write(nobody))
        while lines(tmp_path).count("\n") < 5:
            await asyncio.sleep(0.02)
        writing.cancel()
        await asyncio.wait([writing])
        await written.read(nobody, 0.2)

    found = measure([json.loads(line) for line in lines(tmp_path).splitlines()])
    assert found is not None
    assert (found.acknowledged, found.missing, found.indeterminate) == (1, None, 0)
    assert found.refused >= 4
    assert found.refusals.startswith("connect")
    assert [one.outcome for one in findings(found)] == ["unknown"]


def no_writing(what: str, _number: int) -> None:
    if what == "write":
        raise ToolError("notes are full")


def no_reading(what: str, _number: int) -> None:
    if what == "read":
        raise ToolError("notes are secret")


NAMELESS = replace(WORK, write=Tool(call="write", args={"note": "always the same"}))


@pytest.mark.parametrize(
    ("behave", "work", "words"),
    [
        (no_writing, WORK, "notes are full"),
        (no_reading, WORK, "notes are secret"),
        (None, NAMELESS, "is not found when it is read back"),
        (None, replace(WORK, write=Tool(call="wriet")), "wriet"),
        (None, replace(WORK, write=Tool(call="write", args={"note": "{{entry}}", "size": "big"})), "size"),
    ],
)
async def test_work_that_cannot_be_done_ends_the_run_before_it_begins(
    tmp_path: Path, behave: Any, work: model.Work, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2, in the server's own words."""
    monkeypatch.setattr(trial, "SHOWS_S", 0.0)
    notes = Notes(behave) if behave else Notes()
    clock = RealClock()
    async with served(notes.server) as url:
        door = EntryRequest(url, "2025-11-25", {})
        with (
            entries.opened(tmp_path / "work.jsonl", work, "run-1", RunClock.of(clock)) as written,
            pytest.raises(UsageError) as caught,
        ):
            await trial.tried(written, door, door)

    assert words in str(caught.value)
    assert caught.value.exit_code == 2
    assert lines(tmp_path) == ""


async def test_work_that_can_be_done_is_tried_once_and_not_counted(tmp_path: Path) -> None:
    """The entry that was tried has the number 0, and nothing is written down of it."""
    notes, clock = Notes(), RealClock()
    async with served(notes.server) as url:
        door = EntryRequest(url, "2025-11-25", {})
        with entries.opened(tmp_path / "work.jsonl", WORK, "run-1", RunClock.of(clock)) as written:
            await trial.tried(written, door, door)

    assert (notes.kept, lines(tmp_path)) == (["about run-1-00000000"], "")


def lines(place: Path) -> str:
    return (place / "work.jsonl").read_text(encoding="utf-8")
