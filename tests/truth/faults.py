"""Faults on a link to a server that takes one call at a time: what is verified, healed, and said to be neither.

    python -m tests.truth.faults [--calls 1 50 220 1000] [--users 1 5 20] [--only latency,down]

A row a fault: it happened, so the word must be "verified" or "unknown" ("could not be verified"), and it must be healed,
whatever the server is busy with. Then the same faults, lost behind our back as soon as they are applied, without reading back
what Toxiproxy has: canaries alone must not verify one of them. Real servers, a real Toxiproxy, a real load; alone on two cores.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.conduct.live.progress import Silent
from harness.faults import canary
from harness.faults.injector import FaultSite, Injector
from harness.faults.kinds.fault import Toxics
from harness.foundation.clock import RealClock, RunClock
from harness.run_directory.events import EventLog, read_events
from harness.run_directory.undo import UndoJournal
from harness.scenario.plan.plan import FaultStep
from harness.services.fault_sites import links
from harness.services.fault_sites.links import Link
from harness.services.toxiproxy import server as toxiproxy
from tests.fakes.events import data_of, name_of
from tests.truth import busy

DOWNSTREAM, UPSTREAM = {"direction": "downstream"}, {"direction": "upstream"}
FAULTS: dict[str, tuple[str, dict[str, float | str]]] = {
    "noop": ("noop", {}),
    "latency": ("latency", {"latency": 0.2, "jitter": 0.0} | DOWNSTREAM),
    "latency-up": ("latency", {"latency": 0.2, "jitter": 0.0} | UPSTREAM),
    "bandwidth": ("bandwidth", {"rate": 5_000.0} | DOWNSTREAM),
    "bandwidth-up": ("bandwidth", {"rate": 20_000.0} | UPSTREAM),
    "down": ("down", {}),
    "timeout": ("timeout", {"timeout": 0.0} | DOWNSTREAM),
    "timeout-up": ("timeout", {"timeout": 0.0} | UPSTREAM),
    "timeout-1s": ("timeout", {"timeout": 1.0} | DOWNSTREAM),
    "reset_peer": ("reset_peer", {"timeout": 0.0} | DOWNSTREAM),
    "slicer": ("slicer", {"size": 32.0, "pause": 0.005} | DOWNSTREAM),
    "limit_data": ("limit_data", {"bytes": 300.0}),
    "slow_close": ("slow_close", {"delay": 0.5}),
}
# What Toxiproxy is made to have instead of what was asked for; None: nothing at all.
LOST: dict[str, tuple[str, dict[str, int] | None]] = {
    "latency, gone": ("latency", None),
    "latency, 100 ms": ("latency", {"latency": 100}),
    "latency-up, gone": ("latency-up", None),
    "timeout, gone": ("timeout", None),
    "reset_peer, gone": ("reset_peer", None),
    "slicer, gone": ("slicer", None),
    "limit_data, gone": ("limit_data", None),
    "slow_close, gone": ("slow_close", None),
    "slow_close, 1 s": ("slow_close", {"delay": 1000}),
}


@dataclass(frozen=True, slots=True)
class Row:
    """What was said of one fault."""

    call_ms: float
    users: int
    name: str
    happened: bool
    word: str
    healed: bool | None
    why: str
    took_s: float

    @property
    def ok(self) -> bool:
        """Nothing false: unknown is honest, never verified where nothing was, never skipped or left for noise."""
        return self.healed is True and self.word in (
            {"verified", "unknown"} if self.happened else {"unknown", "not"}
        )

    def __str__(self) -> str:
        word = f"{self.word}{'' if self.healed else ', NOT HEALED'}"
        return (
            f"{self.call_ms:>6g} ms {self.users:>3} users  {self.name:<18} {word:<12} {self.took_s:5.1f} s  "
            f"{'ok ' if self.ok else 'OFF'} {self.why}"
        )


@dataclass(slots=True)
class Bench:
    """A busy server behind a link."""

    way: FaultSite
    injector: Injector
    events: Path
    count: int = 0

    async def inject(self, fault: str, for_s: float) -> dict[str, dict[str, Any]]:
        """One, now; its last event of each kind."""
        kind, parameters = FAULTS[fault]
        self.count += 1
        step = FaultStep(
            name=f"f{self.count}",
            kind=kind,
            link="client",
            step=None,
            offset_s=0,
            starts_s=0,
            for_s=for_s,
            parameters=parameters,
        )
        self.injector.step_began(None, 0)
        await self.injector.inject((step,))
        return {
            name_of(one): data_of(one)
            for one in read_events(self.events)
            if data_of(one).get("name") == step.name
        }


@asynccontextmanager
async def bench(call_ms: float, users: int, directory: Path) -> AsyncIterator[Bench]:
    clock = RealClock()
    async with AsyncExitStack() as stack:
        url = stack.enter_context(busy.running(str(call_ms)))
        undo = stack.enter_context(UndoJournal(directory / "undo.jsonl"))
        server = await stack.enter_async_context(toxiproxy.started(directory))
        link = await stack.enter_async_context(links.opened(server, "truth", "client", url))
        stack.enter_context(busy.running("--users", str(users), link.through(url)))
        canaries = await stack.enter_async_context(canary.opened(link.through(url), url, clock))
        log = stack.enter_context(EventLog(directory / "events.jsonl"))
        way = FaultSite(link, canaries)
        injector = Injector({"client": way}, RunClock.of(clock), log, undo, Silent())
        await asyncio.sleep(1.0 + call_ms * users / 1000)  # until the queue is as long as it gets
        yield Bench(way, injector, directory / "events.jsonl")


def named(words: list[str]) -> list[str]:
    """Of faults, and of what is lost of them."""
    return [each for each in (*FAULTS, *LOST) if each.split(",")[0] in words]


async def disturbed(attributes: dict[str, int] | None) -> Row:
    """A latency that Toxiproxy loses, or changes, when it has been verified."""
    with tempfile.TemporaryDirectory(prefix="truth-faults-") as place:
        async with bench(1, 1, Path(place)) as on:
            began = time.monotonic()
            task = asyncio.ensure_future(on.inject("latency", 3.0))
            while not any(name_of(one) == "fault_verified" for one in read_events(on.events)):
                await asyncio.sleep(0.05)
            assert isinstance(on.way.place, Link)
            api, proxy = on.way.place.api, on.way.place.proxy
            (toxic,) = await api.toxics(proxy)
            await api.remove_toxic(proxy, toxic.name)
            if attributes is not None:
                await api.add_toxic(proxy, replace(toxic, attributes=attributes))
            return _row(1, 1, "latency, lost later", await task, time.monotonic() - began)


async def measure(call_ms: float, users: int, for_s: float, names: list[str]) -> AsyncIterator[Row]:
    """Every fault on one server."""
    with tempfile.TemporaryDirectory(prefix="truth-faults-") as place:
        async with bench(call_ms, users, Path(place)) as on:
            for name in names:
                began, lost = time.monotonic(), LOST.get(name)
                with losing(lost[1]) if lost else losing(None, really=False):
                    told = await on.inject(lost[0] if lost else name, for_s)
                yield _row(call_ms, users, name, told, time.monotonic() - began)


def _row(call_ms: float, users: int, name: str, told: dict[str, dict[str, Any]], took_s: float) -> Row:
    skipped, verified = told.get("fault_skipped"), told.get("fault_verified", {})
    healed = told.get("fault_healed", {})
    word = "skipped" if skipped else "verified" if verified.get("verified") else "unknown"
    why = (skipped or verified).get("why") or healed.get("why") or ""
    if verified.get("added_ms") is not None:
        why = f"+{verified['added_ms']:.0f} of {verified['expected_ms']:.0f} ms {why}"
    return Row(call_ms, users, name, name in FAULTS, word, healed.get("healed"), why, took_s)


class losing:  # noqa: N801 - read as a word
    """Meanwhile Toxiproxy loses, or changes, what it is told, and nobody reads it back."""

    def __init__(self, attributes: dict[str, int] | None, *, really: bool = True) -> None:
        self.attributes, self.really = attributes, really
        self.kept = Toxics.apply, Toxics.lacks

    def __enter__(self) -> None:
        if not self.really:
            return
        attributes = self.attributes

        async def apply(fault: Toxics) -> None:
            for toxic in fault.toxics:
                if attributes is not None:
                    await fault.link.api.add_toxic(fault.link.proxy, replace(toxic, attributes=attributes))

        async def lacks(_: Toxics) -> str:
            return ""

        Toxics.apply, Toxics.lacks = apply, lacks  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        Toxics.apply, Toxics.lacks = self.kept  # type: ignore[method-assign]


def _pairs(options: argparse.Namespace) -> Iterator[tuple[float, int]]:
    return ((call_ms, users) for call_ms in options.calls for users in options.users)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--calls", type=float, nargs="+", default=[1, 50, 220, 1000], metavar="MS")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--for", type=float, default=10, dest="for_s", metavar="SECONDS")
    parser.add_argument("--only", default=",".join(FAULTS))
    options = parser.parse_args()
    off = 0
    for call_ms, users in _pairs(options):
        async for row in measure(call_ms, users, options.for_s, named(options.only.split(","))):
            print(row, flush=True)  # noqa: T201
            off += not row.ok
    print(f"{off} rows are OFF" if off else "every row is true")  # noqa: T201
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
