"""Plays the fault steps of a plan against the clock, and heals on every exit path.

    wait -> canaries agree -> write ahead -> apply, read back -> FAULT_ON -> canaries differ as they should (verified)
         -> hold -> read back -> FAULT_OFF -> heal (a ladder), read back -> canaries agree again -> FAULT_HEALED

A fault of the plan is held for its time; a fault that an experiment asks for (`apply`), until it is healed
(`heal`). A fault that could not be applied, or whose step never came, is skipped, with the reason: it did not
happen. If canaries cannot tell, because the server is too busy to answer: before the fault, it is applied
anyway; when verifying, it "could not be verified"; when healing, what was read back counts. A fault is
skipped or called not healed only when that is certain.
What cannot be healed stays in undo.jsonl, for the janitor and `harness doctor --clean`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from harness.faults.canary import wellness
from harness.faults.canary.decision import medians_ms
from harness.faults.canary.evidence import LIMIT_S, SHOWN, Canaries, CanaryDecision
from harness.faults.kinds import REGISTRY
from harness.faults.kinds.fault import Counting, Fault, ReadBack
from harness.foundation.clock import RunClock
from harness.foundation.errors import HarnessError, NoRoomError, UsageError
from harness.foundation.units import NS_PER_S, show_duration
from harness.run_directory.event_kinds import (
    FaultDid,
    FaultEvent,
    FaultHealed,
    FaultOff,
    FaultOn,
    FaultSkipped,
    FaultVerified,
)
from harness.run_directory.events import EventLog
from harness.run_directory.undo import Entry, UndoJournal
from harness.scenario.catalogue import where
from harness.scenario.plan.plan import FaultStep
from harness.services.fault_sites.links import Link
from harness.services.fault_sites.named_process import NamedProcess
from harness.services.fault_sites.own_process import OwnProcess
from harness.services.fault_sites.server_site import ServerSite
from harness.services.fault_sites.session_processes import SessionProcesses

HEAL_S, HEAL_PAUSE_S, HEAL_LEAST_S = 10.0, 0.5, 1.0
# How long canaries may take before a fault. A process is asked only briefly: waiting for a busy one could
# delay a kill until after the other fault during which it should happen.
BEFORE_S, BEFORE_PROCESS_S, BEFORE_TRIES = 3.0, 0.5, 3
WATCHED_TRIES = 10
# How long canaries may take to verify a fault: its own time, within these.
VERIFY_LEAST_S, VERIFY_MOST_S = 5.0, 20.0


class Notes(Protocol):
    """Writes a line that the user should see at once."""

    def note(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class FaultSite:
    """A fault site, and its canaries."""

    place: Link | OwnProcess | NamedProcess | SessionProcesses | ServerSite
    canaries: Canaries


@dataclass(slots=True)
class HeldFault:
    """A fault that an experiment applied, and will heal."""

    step: FaultStep
    released: asyncio.Event = field(default_factory=asyncio.Event)
    told: dict[type[FaultEvent], FaultEvent] = field(default_factory=dict)  # the last event of each kind
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: "asyncio.Task[None] | None" = None


@dataclass(slots=True)
class Injector:
    """The faults of one run."""

    sites: Mapping[str, FaultSite]
    clock: RunClock
    log: EventLog
    undo: UndoJournal
    progress: Notes
    active: list[str] = field(default_factory=list)  # faults that are being applied, held or healed
    began: dict[str | None, "asyncio.Future[int]"] = field(default_factory=dict)
    held: dict[str, HeldFault] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)  # faults whose time had not come when the run ended

    def step_began(self, name: str | None, at_ns: int) -> None:
        """Note that a load step has all its users (None: the run itself); only the first call counts."""
        future = self._began(name)
        if not future.done():
            future.set_result(at_ns)

    async def inject(self, steps: tuple[FaultStep, ...]) -> None:
        """Play all faults, each at its time; end when the last is healed, also when cancelled."""
        each = [asyncio.ensure_future(self._inject(step)) for step in steps]
        try:
            await asyncio.gather(*each)
        except BaseException as error:
            # The first error ends `gather`, while other faults may still be healing.
            if not isinstance(error, asyncio.CancelledError):  # `gather` has cancelled them already
                for one in each:
                    one.cancel()
            await asyncio.wait(each)
            if self.missed:
                more = f" and {len(self.missed) - 1} more" if len(self.missed) > 1 else ""
                self.progress.note(f"  ! {self.missed[0]}{more} did not happen: the run ended first")
            raise

    async def reached(self, name: str | None, offset_s: float) -> None:
        """Wait until `offset_s` after a load step began."""
        began_ns = await asyncio.shield(self._began(name))
        await self._sleep_until(began_ns + int(offset_s * NS_PER_S))

    async def apply(self, step: FaultStep) -> FaultVerified | FaultSkipped:
        """Apply a fault now; return its verification. It stays until `heal`, or the end of the run."""
        if other := next((one for one in self.held.values() if one.step.link == step.link), None):
            raise UsageError(
                f"The fault {step.name} cannot be applied",
                f"{other.step.name} is on {where(step.link)}, and their effects could not be told apart",
                f"Heal {other.step.name} first",
            )
        held = self.held[step.name] = HeldFault(step)
        held.task = asyncio.ensure_future(self._inject(step, held))
        held.task.add_done_callback(lambda _: self.held.pop(step.name, None))
        await self._until_told(held, FaultVerified)
        shown = held.told.get(FaultVerified) or held.told[FaultSkipped]
        assert isinstance(shown, FaultVerified | FaultSkipped)
        return shown

    async def heal(self, name: str) -> FaultHealed:
        """Heal a fault; return whether that worked, and why not.

        A fault that is not there counts as healed.
        """
        held = self.held.get(name)
        if held is None:
            return self._whole(name)
        held.released.set()
        await self._until_told(held, FaultHealed)
        event = held.told.get(FaultHealed)
        return event if isinstance(event, FaultHealed) else self._whole(name)

    def _whole(self, name: str) -> FaultHealed:
        return FaultHealed(at_ns=self.clock.now_ns(), name=name, healed=True, why="")

    async def heal_all(self) -> None:
        """Heal all faults that an experiment has left."""
        await asyncio.gather(*(self.heal(name) for name in list(self.held)))

    async def _until_told(self, held: HeldFault, what: type[FaultEvent]) -> None:
        while what not in held.told and held.task is not None and not held.task.done():
            held.changed.clear()
            changed = asyncio.ensure_future(held.changed.wait())
            await asyncio.wait({changed, held.task}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()

    async def _inject(self, step: FaultStep, held: HeldFault | None = None) -> None:
        site = self.sites[step.link]
        fault = REGISTRY[step.kind](site.place, step.name, step.parameters)
        try:
            if held is None:
                await self.reached(step.step, step.offset_s)
            before = await self._trouble(site)
        except asyncio.CancelledError:
            self._skip(step, "the run ended before it was due", say=False)
            self.missed.append(step.name)
            raise
        if before:
            self._skip(step, f"it was not healthy before it: {before}")
            return
        await self._apply_and_heal(step, site, fault)

    async def _trouble(self, site: FaultSite) -> str:
        """Return why the site is certainly not healthy, else "".

        Try again, as a machine may freeze for a moment.
        """
        for tries_left in reversed(range(BEFORE_TRIES)):
            health = await _wellness(site, BEFORE_S if isinstance(site.place, Link) else BEFORE_PROCESS_S)
            if health.word in {"shown", "unknown"}:
                return ""
            if tries_left:
                await self.clock.sleep(HEAL_PAUSE_S)
        return health.why

    async def _apply_and_heal(self, step: FaultStep, site: FaultSite, fault: Fault) -> None:
        if unwatched := await self._unwatched():
            self._skip(step, f"nothing would heal it if the harness were killed: {unwatched}")
            return
        must = fault.undo()
        try:
            entry = self.undo.add(must.what, **must.data) if must else None
        except NoRoomError as error:  # without an entry no other process could heal it
            self._skip(step, f"{error.what}: {error.why}")
            return
        applied = proved = False
        self.active.append(step.name)
        try:
            on_ns = self.clock.now_ns()  # before the call: it cuts connections before it returns
            self.progress.note(f"  ! {_what(step)}")
            await fault.apply()
            applied = True
            on = FaultOn(
                at_ns=on_ns, name=step.name, kind=step.kind, link=step.link, parameters=step.parameters
            )
            self._write(on, step)
            verified = await self._verify(step, site, fault)
            held = self.held.get(step.name)
            await (held.released.wait() if held else self._sleep_until(on_ns + int(step.for_s * NS_PER_S)))
            proved = True
            if verified and (gone := await _gone(fault)):
                self._unverified(step, f"it was already gone when it should have been healed: {gone}")
        except HarnessError as error:
            why = f"{error.what}: {error.why}"
            self._skip(step, why) if not applied else self._unverified(step, why)
        finally:
            await self._heal(step, site, fault, entry, applied=applied, prove=proved)
            self.active.remove(step.name)

    async def _unwatched(self) -> str:
        """Return why no janitor could heal a fault, else "".

        Wait a little, since a dead janitor is replaced soon.
        """
        for _ in range(WATCHED_TRIES):
            if not self.undo.unwatched:
                return ""
            await self.clock.sleep(HEAL_PAUSE_S)
        return self.undo.unwatched

    async def _verify(self, step: FaultStep, site: FaultSite, fault: Fault) -> bool:
        lasting = step.for_s and step.name not in self.held
        within_s = min(max(step.for_s, VERIFY_LEAST_S), VERIFY_MOST_S) if lasting else LIMIT_S
        shown = await fault.verify(site.canaries, within_s)
        why = "; ".join(each for each in (shown.why_not, await _gone(fault)) if each)
        through_ms, beside_ms = medians_ms(shown.pairs)
        verified = FaultVerified(
            at_ns=self.clock.now_ns(),
            name=step.name,
            verified=not why,
            why=why,
            through_ms=_rounded(through_ms),
            beside_ms=_rounded(beside_ms),
            expected_ms=_rounded(shown.expected_ms),
            added_ms=_rounded(shown.added_ms),
        )
        self._write(verified, step)
        if why:
            self.progress.note(f"  ! {step.name} could not be verified: {why}")
        return not why

    async def _heal(
        self,
        step: FaultStep,
        site: FaultSite,
        fault: Fault,
        entry: Entry | None,
        *,
        applied: bool,
        prove: bool,
    ) -> None:
        """Heal the fault and prove it.

        This runs to its end even if cancelled; each call in it has a deadline.
        """
        off_ns = healed_ns = self.clock.now_ns()
        limit_ns = off_ns + int(HEAL_S * NS_PER_S)
        decision = SHOWN
        while True:
            why = await self._attempt(site, fault)
            healed_ns = self.clock.now_ns()
            if isinstance(site.place, Link) and site.place.gone:
                why, decision = "", replace(SHOWN, why="Toxiproxy has ended, and the fault with it")
                break
            if (
                not why and prove and not isinstance(site.place, NamedProcess)
            ):  # the process table has proved it
                left_s = (limit_ns - self.clock.now_ns()) / NS_PER_S
                decision = await _wellness(site, max(left_s, HEAL_LEAST_S))
                # A link is not to blame for what the server behind it does.
                certain = {"not shown"} if isinstance(site.place, Link) else {"not shown", "target"}
                why = decision.why if decision.word in certain else ""
            if not why or self.clock.now_ns() > limit_ns:
                break
            await self.clock.sleep(HEAL_PAUSE_S)
        if not why and entry is not None:
            entry.done()
        if applied:
            self._write(FaultOff(at_ns=off_ns, name=step.name), step)
        if applied and isinstance(fault, Counting):
            self._write(FaultDid(at_ns=healed_ns, name=step.name, did=fault.did()), step)
        if applied or why:
            healed = FaultHealed(at_ns=healed_ns, name=step.name, healed=not why, why=why or decision.why)
            self._write(healed, step)
        beside = f" (read back; {decision.why})" if decision.why else ""
        self.progress.note(f"  ! {step.name}: " + (f"NOT healed: {why}" if why else f"healed{beside}"))

    async def _attempt(self, site: FaultSite, fault: Fault) -> str:
        """Try once: heal, or renew the site if that fails; then read back. Return the problem, or ""."""
        try:
            try:
                await fault.heal()
            except HarnessError:
                await site.place.renew()
            await site.place.clear()
        except HarnessError as error:
            return f"{error.what}: {error.why}"
        return ""

    def _skip(self, step: FaultStep, why: str, *, say: bool = True) -> None:
        now_ns = self.clock.now_ns()
        skipped = FaultSkipped(at_ns=now_ns, name=step.name, kind=step.kind, link=step.link, why=why)
        self._write(skipped, step)
        if say:
            self.progress.note(f"  ! {step.name} did not happen: {why}")

    def _unverified(self, step: FaultStep, why: str) -> None:
        unverified = FaultVerified(
            at_ns=self.clock.now_ns(),
            name=step.name,
            verified=False,
            why=why,
            through_ms=None,
            beside_ms=None,
            expected_ms=None,
            added_ms=None,
        )
        self._write(unverified, step)

    def _began(self, name: str | None) -> "asyncio.Future[int]":
        if name not in self.began:
            self.began[name] = asyncio.get_running_loop().create_future()
        return self.began[name]

    async def _sleep_until(self, at_ns: int) -> None:
        await self.clock.sleep(max(0.0, (at_ns - self.clock.now_ns()) / NS_PER_S))

    def _write(self, event: FaultEvent, step: FaultStep) -> None:
        self.log.write(event)
        for held in self.held.values():
            if held.step is step:
                held.told[type(event)] = event
                held.changed.set()


async def _wellness(site: FaultSite, within_s: float) -> CanaryDecision:
    """Decide whether the fault site is healthy."""
    if isinstance(site.place, Link):
        return await wellness.of_link(site.place, site.canaries, within_s)
    if isinstance(site.place, SessionProcesses):
        return CanaryDecision("shown")  # nobody but its user can speak to a session's process
    return await wellness.of_process(site.canaries, within_s)


async def _gone(fault: Fault) -> str:
    """Return what the fault lacks, read back, else ""; a failed read-back counts as lacking."""
    try:
        return await fault.lacks() if isinstance(fault, ReadBack) else ""
    except HarnessError as error:
        return f"{error.what}: {error.why}"


def _what(step: FaultStep) -> str:
    lasting = f" for {show_duration(step.for_s)}" if step.for_s else ""
    named = step.name if step.name == step.kind else f"{step.name}: {step.kind}"
    return f"{named} on {where(step.link)}{lasting}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
