"""Entries that are written while faults are on, and read back and counted when all is healed.

    on a schedule:  entry-00000017 --> target      an answer is a promise: it has to be there exactly once afterwards
                    entry-00000018 --> (error)     refused
                    entry-00000019 --> (no answer) indeterminate: it may be there or not
    after healing, beside the links:  read everything back; if a page has `next`, ask for the next one with
    `after`

A fixed number of entries a second is due, however long answers take: each is written by a free session, else
by a new one. An entry that is due while `LANES_MOST` sessions are busy is not written, and is counted
(`skipped`). If a session cannot be opened, its entry is undelivered.

Reading is retried for a while when the server answers with an error (`PATIENCE_S`): it may still be starting.

Promised and found entries are appended to work.jsonl at once; `analysis.faults.work` counts them. These calls
are not samples: they do not count in the numbers of the run, and a few a second add no noticeable load.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from harness.analysis.faults.work import CANNOT, GATEWAY
from harness.client.session import Client, connected
from harness.foundation.clock import RunClock, within
from harness.foundation.errors import HarnessError
from harness.foundation.secrets.hiding import hide_in
from harness.foundation.units import NS_PER_S
from harness.foundation.untrusted import nesting
from harness.mcp import outcome
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Reply
from harness.mcp.mirrored import Mirrored
from harness.run_directory.appended_file import AppendedLines
from harness.scenario.arguments import compile_arguments, with_names
from harness.scenario.model import Tool, Work

LANES_MOST, TIMEOUT_S = 64, 5.0
PAGES_MOST = 100_000
READING_S, PATIENCE_S, AGAIN_S = 60.0, 10.0, 0.5
ENDING_S = 2.0
# After these answers the session goes on.
GOES_ON = frozenset(
    {
        outcome.OK,
        outcome.TOOL_ERROR,
        outcome.RPC_ERROR,
        outcome.REJECTED,
        outcome.RATE_LIMITED,
        outcome.UNAUTHORIZED,
        outcome.HTTP_STATUS,
        outcome.INPUT_REQUIRED,
    }
)


@dataclass(frozen=True, slots=True)
class EntryRequest:
    """How to reach the server, to write or to read entries."""

    url: str
    protocol: str
    headers: Mapping[str, str] = field(repr=False)
    mirrored: Mapping[str, Mirrored] = field(default_factory=dict)


@dataclass(slots=True)
class EntriesReadBack:
    """The entries that were read.

    `why` says why some may be missing, `answered` that the server itself said so.
    """

    found: list[str] = field(default_factory=list)
    why: str = ""
    answered: bool = False


@dataclass(slots=True)
class WorkEntries:
    """The entries of one run."""

    work: Work
    run_id: str
    clock: RunClock
    lines: AppendedLines
    seed: int = 0
    due: "asyncio.Queue[int | None]" = field(default_factory=asyncio.Queue)  # None: no more
    ending: bool = False
    lanes: int = 0  # sessions that there are
    idle: int = 0  # those that wait for an entry
    skipped: int = 0

    async def write(self, door: EntryRequest) -> None:
        """Write an entry whenever one is due, without waiting for earlier answers, until cancelled."""
        began_ns = self.clock.now_ns()
        lanes: set[asyncio.Task[None]] = set()
        try:
            for number in count(1):
                due_ns = began_ns + int((number - 1) * NS_PER_S / self.work.rate)
                await self.clock.sleep(max(0, due_ns - self.clock.now_ns()) / NS_PER_S)
                if self.due.qsize() < self.idle:
                    self.due.put_nowait(number)
                elif self.lanes < LANES_MOST:
                    self.lanes += 1
                    lane = asyncio.create_task(self._lane(door, number))
                    lanes.add(lane)
                    lane.add_done_callback(lambda done: lanes.discard(done) if _is_sound(done) else None)
                else:
                    self.skipped += 1
        finally:
            await self._end(lanes)

    async def _end(self, lanes: "set[asyncio.Task[None]]") -> None:
        """Wait a moment for open answers, then cancel the sessions.

        Raise the first unexpected error of a session.
        """
        self.ending = True
        for _ in range(self.idle):
            self.due.put_nowait(None)
        if lanes:
            _, open_ = await asyncio.wait(lanes, timeout=ENDING_S)
            for lane in open_:
                lane.cancel()
            await asyncio.gather(*open_, return_exceptions=True)
        if self.skipped:
            self.say(skipped=self.skipped)
        for lane in lanes:
            if not lane.cancelled():
                lane.result()

    async def read(self, door: EntryRequest, within_s: float = READING_S) -> None:
        """Read all entries and note them.

        If they cannot be read to the end in time, note that they are unknown.
        """
        limit_ns = self.clock.now_ns() + int(min(PATIENCE_S, within_s / 2) * NS_PER_S)
        back = EntriesReadBack()
        try:
            async with within(within_s):
                while (back := await self.read_once(door)).why and self.clock.now_ns() < limit_ns:
                    await self.clock.sleep(AGAIN_S)
        except TimeoutError:
            back.why = back.why or f"it was not read to its end within {within_s:.0f} s"
        if not back.why:
            self.say(found=back.found)
        else:
            self.say(unread=back.why, answered=back.answered, seen=back.found)

    async def read_once(self, door: EntryRequest) -> EntriesReadBack:
        """Read all pages once; after an error, return what was found before it."""
        back = EntriesReadBack()
        try:
            async with opened_session(door) as client:
                arguments = self.arguments(self.work.read, "", 0)
                for _ in range(PAGES_MOST):
                    reply = await client.call(self.work.read.call, arguments)
                    if reply.outcome != outcome.OK:
                        back.why, back.answered = what_it_said(reply), _cannot(reply.outcome, reply.status)
                        break
                    value = _body(reply.value())
                    back.found += re.findall(rf"{re.escape(self.run_id)}-\d{{8}}", json.dumps(value))
                    if not isinstance(value, dict) or value.get("next") is None:
                        break
                    arguments = arguments | {"after": value["next"]}
        except HarnessError as error:
            back.why = error.why or error.what
            back.answered = _cannot(error.why.partition(":")[0], None)
        return back

    async def _lane(self, door: EntryRequest, number: int) -> None:
        """Open a session for an entry; then write the entries that are due, as long as the session works."""
        undelivered: int | None = number
        sent_ns = self.clock.now_ns()
        try:
            async with opened_session(door) as client:
                undelivered = None
                due: int | None = number
                while due is not None and await self._entry(client, due):
                    due = await self._next()
        except HarnessError as error:
            if undelivered is not None:
                kind, _, detail = error.why.partition(": ")
                kind = kind if kind in outcome.ALL else outcome.CONNECT
                self._note(undelivered, sent_ns, Reply(kind, detail or error.what), sent=False)
        finally:
            self.lanes -= 1

    async def _next(self) -> int | None:
        if self.ending:
            return None
        self.idle += 1
        try:
            return await self.due.get()
        finally:
            self.idle -= 1

    async def _entry(self, client: Client, number: int) -> bool:
        """Write one entry; return whether the session still works.

        If cancelled, the entry is indeterminate.
        """
        sent_ns, reply = self.clock.now_ns(), Reply(outcome.UNFINISHED)
        try:
            arguments = self.arguments(self.work.write, self.entry(number), number)
            reply = await client.call(self.work.write.call, arguments)
        finally:
            self._note(number, sent_ns, reply)
        return reply.outcome in GOES_ON

    def entry(self, number: int) -> str:
        """Return the name of an entry; number 0 is the trial before the load."""
        return f"{self.run_id}-{number:08d}"

    def arguments(self, tool: Tool, entry: str, number: int) -> JsonObject:
        """Return the arguments with `{{entry}}`, `{{run}}` and the templates filled in."""
        named = with_names(dict(tool.args), {"entry": entry, "run": self.run_id})
        drawn: JsonObject = compile_arguments(named)(Random(f"{self.seed}-work-{number}"), number)
        return drawn

    def _note(self, number: int, sent_ns: int, reply: Reply, *, sent: bool = True) -> None:
        """Note the outcome of writing an entry."""
        self.say(
            entry=self.entry(number),
            sent_ns=sent_ns,
            done_ns=self.clock.now_ns(),
            outcome=reply.outcome,
            **({"detail": reply.detail} if reply.detail else {}),
            **({"status": reply.status} if reply.outcome == outcome.HTTP_STATUS else {}),
            **({} if sent else {"sent": False}),
        )

    def say(self, **data: Any) -> None:
        """Append a line to work.jsonl."""
        self.lines.write(json.dumps(hide_in(data)))

    def check(self) -> None:
        """Raise OSError if work.jsonl could not be written: then some promises are not on record."""
        if self.lines.failed is not None:
            raise self.lines.failed


@contextmanager
def opened(path: Path, work: Work, run_id: str, clock: RunClock, seed: int = 0) -> Iterator[WorkEntries]:
    """Yield the entries of a run, which are recorded in `path`."""
    with closing(AppendedLines(path)) as lines:
        yield WorkEntries(work, run_id, clock, lines, seed)


def opened_session(door: EntryRequest) -> Any:
    """Return a new session; entering it raises HarnessError if it cannot be opened."""
    return connected(
        door.url, door.protocol, headers=door.headers, timeout_s=TIMEOUT_S, mirrored=door.mirrored
    )


def what_it_said(reply: Reply) -> str:
    """Return the error of a reply, in the server's own words."""
    return f"{reply.outcome}: {reply.detail}" if reply.detail else reply.outcome


def _is_sound(done: "asyncio.Task[None]") -> bool:
    return not done.cancelled() and done.exception() is None


def _cannot(kind: str, status: int | None) -> bool:
    """Whether the server answered that it cannot read, as opposed to no answer at all."""
    return kind in CANNOT and not (kind == outcome.HTTP_STATUS and status in GATEWAY)


def _body(value: Any) -> Any:
    """Return a tool's result: the structured one, else its text, parsed if it is JSON."""
    if not isinstance(value, dict) or not isinstance(value.get("content"), list):
        return value
    texts = [part.get("text", "") for part in value["content"] if isinstance(part, dict)]
    if value.get("structuredContent") is not None or len(texts) != 1:
        return value.get("structuredContent") or texts
    with suppress(ValueError, TypeError, AttributeError):  # no JSON, or no text at all
        return nesting.value(texts[0], nesting.FILE_BYTES_MOST)
    return texts
