"""How many sessions does a server hold, and at what price? They are opened until something gives way, held, asked, and ended.

1. The server's memory is read before anything is opened, and after every step: its growth over the sessions that are open is
   what it keeps of each.
2. It gives way when ten sessions in a row cannot be opened.
3. All that are open are left alone for a while, and then used once: those that do not answer are lost.
4. They are closed, or their clients vanish; what comes back is read for a while. Where it had given way, a few new ones are
   tried: are the places free again?

A storm opens all in the same moment instead; with a restart the server is restarted in the third act, and all come back at once.
"""

import os
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.conduct.capacity import holdings
from harness.conduct.capacity.crowd import Crowd, Reconnected, crowd
from harness.conduct.capacity.door import Door
from harness.conduct.capacity.growth import Growth, Reading, growth
from harness.conduct.capacity.held_session import HeldSession
from harness.conduct.capacity.refusals import Refusals
from harness.foundation.clock import Clock
from harness.foundation.errors import FAILED, PASSED, UNKNOWN, TargetUnreachableError
from harness.foundation.units import NS_PER_S

LOOK_S: Final = 0.25
STEPS: Final = 60
PLACES: Final = 10
ADDED_LEAST: Final = 2_000_000  # bytes: less, or less than a quarter more, is what runtimes do by themselves
OWN: Final = "harness_memory"
BUSY: Final = 0.9


@dataclass(frozen=True, slots=True)
class SessionsRequest:
    """What to do."""

    most: int
    kind: str
    at_once: int
    leave: str  # close or vanish
    for_s: float
    after_s: float
    step: int = 0  # 0: a sixtieth of all
    storm: bool = False
    restart: bool = False
    at_least: int = 0


@dataclass(frozen=True, slots=True)
class CameBack:
    """Memory of the server: before anything was opened, at the most, and some time after all sessions were over."""

    before: float
    most: float
    after: float

    @property
    def share(self) -> float | None:
        """How much of what was added came back; None when too little was added to tell."""
        added = self.most - self.before
        return (self.most - self.after) / added if added > max(ADDED_LEAST, self.before / 4) else None


@dataclass(frozen=True, slots=True)
class SessionsResult:
    """What was found."""

    asked: SessionsRequest
    open: int  # at the most
    gave_way: bool
    refused: Refusals
    took_s: list[float] = field(repr=False)
    opening_s: float
    busy: float  # share of a processor that the harness took while it opened them
    readings: dict[str, list[Reading]] = field(repr=False)
    grows: dict[str, Growth]
    held: int  # when they were asked
    alive: int
    lost: Refusals
    ended: int
    not_ended: Refusals
    came_back: CameBack | None
    places: tuple[int, int] | None  # opened again, of so many that were tried
    reconnected: Reconnected | None

    @property
    def why_unknown(self) -> str:
        if ours := self.refused.ours + self.lost.ours:
            return f"{ours} sessions failed because this machine had no room for more connections"
        return ""

    @property
    def exit_code(self) -> int:
        """1 when open sessions were lost, or fewer were open than was asked for."""
        if self.why_unknown:
            return UNKNOWN
        unserved = self.reconnected is not None and self.reconnected.failed.total > 0
        lost = self.alive < self.held or unserved
        return FAILED if lost or self.open < self.asked.at_least else PASSED


async def sessions(
    door: Door, asked: SessionsRequest, clock: Clock, progress: Callable[[str], None]
) -> SessionsResult:
    """Open them, hold them, end them; return what follows."""
    all_of_them, looks = crowd(door, asked.kind, clock, asked.at_once), _Looks(door, clock)
    try:
        looks.look(0)
        began_s, began_cpu_s = time.monotonic(), _cpu_s()
        await _open(all_of_them, asked, looks, progress)
        opening_s = time.monotonic() - began_s
        busy = (_cpu_s() - began_cpu_s) / max(opening_s, 1e-9)
        found = len(all_of_them.held)
        if not found:
            raise _nobody(all_of_them.refused)
        readings = {name: list(series) for name, series in looks.readings.items()}
        back = None
        if asked.restart and door.restart is not None:
            progress(f"{found:,} open; the server is restarted")
            await door.restart()
            back = await all_of_them.reconnect()
        progress(f"{len(all_of_them.held):,} open; left alone for {asked.for_s:g} s")
        await clock.sleep(asked.for_s)
        looks.look(found)
        held = len(all_of_them.held)
        alive, lost = await all_of_them.each(HeldSession.answers)
        ended, not_ended = await _end(all_of_them, asked)
        progress(f"All are over; what comes back is read for {asked.after_s:g} s")
        came_back = await _watched(looks, asked.after_s, restarted=back is not None)
        places = await _places(all_of_them, asked) if all_of_them.gave_way and back is None else None
    finally:
        all_of_them.vanish()
    return SessionsResult(
        asked,
        found,
        all_of_them.gave_way,
        all_of_them.refused,
        all_of_them.took_s[:found],
        opening_s,
        busy,
        looks.readings,
        {} if asked.storm else {name: growth(series) for name, series in readings.items()},
        held,
        alive,
        lost,
        ended,
        not_ended,
        came_back,
        places,
        back,
    )


async def _open(
    all_of_them: Crowd, asked: SessionsRequest, looks: "_Looks", progress: Callable[[str], None]
) -> None:
    if asked.storm and not asked.restart:
        await all_of_them.storm(asked.most)
        looks.look(len(all_of_them.held))
        return
    step = asked.step or max(1, -(-asked.most // STEPS))
    while (found := len(all_of_them.held)) < asked.most and not all_of_them.gave_way:
        await all_of_them.open(min(step, asked.most - found))
        looks.look(len(all_of_them.held))
        progress(f"{len(all_of_them.held):,} open, {all_of_them.refused.total:,} refused")


async def _end(all_of_them: Crowd, asked: SessionsRequest) -> tuple[int, Refusals]:
    """End all sessions, as was asked for."""
    if asked.leave == "close":
        return await all_of_them.each(HeldSession.close)
    all_of_them.vanish()
    return len(all_of_them.held), Refusals()


async def _watched(looks: "_Looks", for_s: float, *, restarted: bool) -> CameBack | None:
    """Read for so long; the lowest reading is what is left after the server has tidied up."""
    for _ in range(max(1, round(for_s / LOOK_S))):
        await looks.clock.sleep(LOOK_S)
        looks.look(0, after=True)
    memory = [one.value for one in looks.readings.get("memory", [])]
    after = [one.value for one in looks.after]
    if not memory or not after or restarted:
        return None
    return CameBack(memory[0], max(memory), min(after))


async def _places(all_of_them: Crowd, asked: SessionsRequest) -> tuple[int, int]:
    """Try a few sessions after all are over, and close them."""
    tried = min(PLACES, asked.most)
    again = Crowd(all_of_them.door, all_of_them.kind, all_of_them.clock, all_of_them.lanes)
    await again.open(tried)
    opened = len(again.held)
    await again.each(HeldSession.close)
    return opened, tried


@dataclass(slots=True)
class _Looks:
    """Readings of what the server holds, and the harness itself."""

    door: Door
    clock: Clock
    began_ns: int = 0
    readings: dict[str, list[Reading]] = field(default_factory=dict)
    after: list[Reading] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began_ns = self.clock.now_ns()

    def look(self, sessions: int, *, after: bool = False) -> None:
        at_s = (self.clock.now_ns() - self.began_ns) / NS_PER_S
        found: Mapping[str, float] = self.door.held_by.read() if self.door.held_by else {}
        own = holdings.memory_of(os.getpid())
        named = {**found, **({OWN: own} if own is not None else {})}
        if after:
            self.after += [Reading(at_s, sessions, named["memory"])] if "memory" in named else []
            return
        for name, value in named.items():
            self.readings.setdefault(name, []).append(Reading(at_s, sessions, value))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _nobody(refused: Refusals) -> TargetUnreachableError:
    kind = refused.kinds.most_common(1)[0][0] if refused.kinds else None
    return TargetUnreachableError(
        f"None of the first {refused.total} sessions could be opened",
        kind.words if kind else "None was tried",
        "Try a single one: harness discover URL; or hold something else (--hold)",
    )
