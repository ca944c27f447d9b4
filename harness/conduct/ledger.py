"""Work that can be counted: entries written while faults come and go, and read back when all is healed.

    lanes  --write entry-00000017--> target      an answer is a promise: it has to be there exactly once afterwards
           --write entry-00000018--> (no answer)  indeterminate: it may be there or not
    after healing, beside the links:  read everything back; a page that says `next` is asked on with `after`

What was promised and what was found is appended to work.jsonl as it happens; `analysis.work` counts. These calls are
not samples: nothing of them is in the numbers of the run, and a few a second do not weigh.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from harness.client.session import Client, connected
from harness.clock import Clock, Epoch, within
from harness.errors import HarnessError
from harness.mcp import outcome
from harness.scenario.model import Work

LANES, TIMEOUT_S, AGAIN_S = 2, 5.0, 0.5
PAGES_MOST = 100_000
READING_S = 60.0


@dataclass(frozen=True, slots=True)
class Door:
    """Where to write, or to read."""

    url: str
    protocol: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(slots=True)
class Ledger:
    """The entries of one run."""

    work: Work
    run_id: str
    clock: Clock
    epoch: Epoch
    file: TextIO
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def write(self, door: Door) -> None:
        """Until cancelled: so many entries a second, from a few lanes, one at a time in each."""
        await asyncio.gather(*(self._lane(door) for _ in range(LANES)))

    async def read(self, door: Door, within_s: float = READING_S) -> None:
        """Everything that is there; what cannot be read to its end within the time is not known."""
        found: list[str] = []
        try:
            async with within(within_s), _connected(door) as client:
                arguments = self._arguments(self.work.read.args, "")
                for _ in range(PAGES_MOST):
                    reply = await client.call(self.work.read.call, arguments)
                    if reply.outcome != outcome.OK:
                        self.say(unread=f"{reply.outcome}: {reply.detail}")
                        return
                    value = _body(reply.value())
                    found += re.findall(rf"{re.escape(self.run_id)}-\d{{8}}", json.dumps(value))
                    if not isinstance(value, dict) or value.get("next") is None:
                        break
                    arguments = arguments | {"after": value["next"]}
        except TimeoutError:
            self.say(unread=f"it was not read to its end within {within_s:.0f} s")
        except HarnessError as error:
            self.say(unread="; ".join(error.lines()))
        else:
            self.say(found=found)

    async def _lane(self, door: Door) -> None:
        pause_s = LANES / self.work.rate
        while True:
            with suppress(HarnessError):
                async with _connected(door) as client:
                    while await self._entry(client):
                        await self.clock.sleep(pause_s)
            await self.clock.sleep(AGAIN_S)

    async def _entry(self, client: Client) -> bool:
        """Whether it was answered; an entry that is under way when this is cancelled may be there or not."""
        entry = f"{self.run_id}-{next(self.numbers):08d}"
        sent_ns, ended = self.now_ns(), outcome.UNFINISHED
        try:
            reply = await client.call(self.work.write.call, self._arguments(self.work.write.args, entry))
            ended = reply.outcome
        finally:
            done_ns = self.now_ns()
            self.say(entry=entry, sent_ns=sent_ns, done_ns=done_ns, outcome=ended)
        return ended == outcome.OK

    def _arguments(self, given: Mapping[str, Any], entry: str) -> dict[str, Any]:
        """`{{entry}}` and `{{run}}` filled in, wherever they stand."""
        text = json.dumps(dict(given)).replace("{{entry}}", entry).replace("{{run}}", self.run_id)
        found: dict[str, Any] = json.loads(text)
        return found

    def now_ns(self) -> int:
        return self.epoch.since_ns(self.clock)

    def say(self, **data: Any) -> None:
        """A line of work.jsonl."""
        self.file.write(json.dumps(data) + "\n")
        self.file.flush()


@contextmanager
def opened(path: Path, work: Work, run_id: str, clock: Clock, epoch: Epoch) -> Iterator[Ledger]:
    """A ledger in a run directory."""
    with path.open("a", encoding="utf-8") as file:
        yield Ledger(work, run_id, clock, epoch, file)


def _connected(door: Door) -> Any:
    return connected(door.url, door.protocol, headers=door.headers, timeout_s=TIMEOUT_S)


def _body(value: Any) -> Any:
    """What a tool said, once: structured results come with the same as text; else text that is JSON is read as that."""
    if not isinstance(value, dict) or "content" not in value:
        return value
    texts = [part.get("text", "") for part in value["content"] if isinstance(part, dict)]
    if value.get("structuredContent") is not None or len(texts) != 1:
        return value.get("structuredContent") or texts
    with suppress(ValueError):
        return json.loads(texts[0])
    return texts
