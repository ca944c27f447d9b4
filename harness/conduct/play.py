"""Plays a plan's load steps against an engine, and judges each step when its calls have resolved.

    set users -> acknowledged -> settle -> measure -> done -> wait for open calls -> judge

A level of a ramp that falls below its limit is repeated once after a rest (`confirm`); if it fails again
the ramp has its breaking point and ends. While a step's calls resolve the load goes on, so nothing is
measured from a system that is being relieved.
What is written down is events; whoever reads the run computes the numbers again from the samples.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from harness.analysis.steps import Judged, judge
from harness.clock import Clock, Epoch
from harness.errors import UntrustedError
from harness.live.progress import Progress
from harness.live.window import look
from harness.load.engine import Load, Trouble
from harness.plan.plan import LAST_GOOD, LoadStep, Plan
from harness.record import events
from harness.record.events import Event, EventLog
from harness.record.samples import Tail, frame
from harness.record.spool import Gauges
from harness.units import NS_PER_S, show_percent

LOOK_S = 0.25
TICK_S = 1.0
JUDGED_COLUMNS = ["intended_ns", "done_ns", "outcome"]
CONFIRM_REST_S = 1.0


@dataclass(slots=True)
class Watch:
    """Follows the spools while the load runs: what came, what is still open, what a step's rows are."""

    tail: Tail
    log: EventLog
    gauges: dict[int, Gauges] = field(default_factory=dict)
    step_rows: list[pa.Table] = field(default_factory=list)
    fresh: list[pa.Table] = field(default_factory=list)

    def read(self) -> None:
        for gauges, worker, table in self.tail.read():
            self.gauges[worker] = gauges
            self.fresh.append(table)
            self.step_rows.append(table.select(JUDGED_COLUMNS))
            self.log.write(Event(gauges.at_ns, events.GENERATOR, _generator(gauges, worker)))

    def trouble(self, trouble: Trouble, at_ns: int) -> None:
        """Written down with the users that it cost, as far as they are known."""
        gauges = self.gauges.get(trouble.worker) if trouble.worker is not None else None
        what = events.ROWS_UNWRITTEN if trouble.unwritten else events.WORKER_LOST
        users = None if gauges is None else gauges.users
        self.log.write(Event(at_ns, what, {"worker": trouble.part, "users": users, "why": trouble.why}))

    def resolved(self, until_ns: int) -> bool:
        """Every worker has said, after that time, that no call from before it is open."""
        seen = self.gauges.values()
        return bool(seen) and all(min(one.at_ns, one.oldest_open_ns) >= until_ns for one in seen)

    def answered(self, since_ns: int) -> int:
        """Calls intended since then that have their row."""
        return sum(int((table["intended_ns"].to_numpy() >= since_ns).sum()) for table in self.step_rows)


def _generator(gauges: Gauges, worker: int) -> dict[str, Any]:
    return {
        "worker": worker,
        "cpu": gauges.cpu,
        "run_delay": gauges.run_delay,
        "lag_ms": gauges.lag_ms,
        "started": gauges.started,
        "recorded": gauges.recorded,
        "open_calls": gauges.open_calls,
        "files_open": gauges.files_open,
        "users": gauges.users,
    }


@dataclass(slots=True)
class Player:
    """Plays one plan; `reading` is called once a second, for what else is sampled over a run.

    `step_began` is told when a load step has all its users (None: the run begins): faults are anchored to that.
    """

    load: Load
    clock: Clock
    epoch: Epoch
    watch: Watch
    progress: Progress
    timeout_s: float
    reading: Callable[[], None] = lambda: None
    step_began: Callable[[str | None, int], None] = lambda _name, _at_ns: None
    last_good: int | None = None
    steps_played: int = 0
    ticked_ns: int = 0

    async def play(self, plan: Plan) -> str:
        """Every step in turn; returns why the run ended."""
        broken_phase = ""
        self.step_began(None, self._now_ns())
        for step in plan.steps:
            if step.phase == broken_phase:
                continue
            if step.users == LAST_GOOD and self.last_good is None:
                self.progress.note("No level of the ramp was good: there is nothing to sustain.")
                return "no_good_level"
            users = self.last_good if step.users == LAST_GOOD else step.users
            assert isinstance(users, int)
            if await self._breaks(step, users):
                broken_phase = step.phase
            elif step.break_below is not None:
                self.last_good = users
            await self._rest(step.rest_s)
        return "broke" if broken_phase else "completed"

    async def _breaks(self, step: LoadStep, users: int) -> bool:
        """Whether the level is beyond the breaking point: below its limit, and again when repeated."""
        judged = await self._level(step, users)
        if step.break_below is None or _good(judged, step.break_below):
            return False
        if step.confirm:
            self.progress.note(
                f"  {users} users fell below {show_percent(step.break_below)}; repeating the level"
            )
            await self._rest(max(step.rest_s, CONFIRM_REST_S))
            judged = await self._level(replace(step, kind="confirm"), users)
            if _good(judged, step.break_below):
                return False
        reason = f"success rate {_rate(judged)} is below {show_percent(step.break_below)}"
        self._event(
            events.BREAK,
            users=users,
            last_good_users=self.last_good,
            reason=reason,
            confirmed=step.confirm,
        )
        return True

    async def _level(self, step: LoadStep, users: int) -> Judged:
        """One level, held and judged."""
        index = self.steps_played
        self.steps_played += 1
        self._event(events.STEP_ASKED, index=index, name=step.phase, kind=step.kind, users=users, rate=None)
        self.watch.step_rows = []
        await self.load.set_users(users)
        await self._check()
        running_ns = self._event(events.STEP_RUNNING, index=index, users=users)
        self.step_began(step.phase, running_ns)
        doing = f"{step.phase} step {index + 1}"
        if step.requests_per_user:
            start_ns = running_ns
            await self._until_answered(running_ns, users * step.requests_per_user, step, doing)
            end_ns, why = self._now_ns(), "count"
        else:
            start_ns = running_ns + int(step.settle_s * NS_PER_S)
            end_ns, why = running_ns + int(step.hold_s * NS_PER_S), "time"
            await self._until(end_ns, doing)
        self._event(events.STEP_DONE, index=index, start_ns=start_ns, end_ns=end_ns, reason=why)
        await self._until_resolved(end_ns, f"{doing}, waiting for open calls")
        judged = judge(frame(self.watch.step_rows), start_ns, end_ns)
        self._event(
            events.STEP_JUDGED,
            index=index,
            requests=judged.requests,
            ok=judged.ok,
            failed=judged.failed,
            success_rate=judged.success_rate,
            broke=step.break_below is not None and not _good(judged, step.break_below),
        )
        rps = judged.ok / max((end_ns - start_ns) / NS_PER_S, 1e-9)
        self.progress.note(f"  {users:>5} users  {rps:>7.0f}/s  {_rate(judged):>7} ok")
        return judged

    async def _rest(self, rest_s: float) -> None:
        """No users for a while, so that one step's backlog does not leak into the next."""
        if rest_s > 0:
            await self.load.set_users(0)
            await self._until(self._now_ns() + int(rest_s * NS_PER_S), "resting")

    async def _until(self, end_ns: int, doing: str) -> None:
        while (left_ns := end_ns - self._now_ns()) > 0:
            await self._look(min(LOOK_S, left_ns / NS_PER_S), doing)

    async def _until_answered(self, since_ns: int, count: int, step: LoadStep, doing: str) -> None:
        limit_ns = since_ns + int((step.requests_per_user or 1) * self.timeout_s * NS_PER_S)
        while self.watch.answered(since_ns) < count and self._now_ns() < limit_ns:
            await self._look(LOOK_S, doing)

    async def _until_resolved(self, end_ns: int, doing: str) -> None:
        """Bounded by the time a call may take: after that its row says `timeout`."""
        limit_ns = end_ns + int((self.timeout_s + 5) * NS_PER_S)
        await self._look(0, doing)
        while not self.watch.resolved(end_ns) and self._now_ns() < limit_ns:
            await self._look(LOOK_S, doing)

    async def _look(self, sleep_s: float, doing: str) -> None:
        await self.clock.sleep(sleep_s)
        await self._check()
        self.watch.read()
        span_s = (self._now_ns() - self.ticked_ns) / NS_PER_S
        if span_s >= TICK_S:
            users = sum(gauges.users for gauges in self.watch.gauges.values())
            self.progress.tick(look(self.watch.fresh, users, self._now_ns() / NS_PER_S, span_s), doing)
            self.reading()
            self.watch.fresh = []
            self.ticked_ns = self._now_ns()

    async def _check(self) -> None:
        """A load that is not the one that was asked for ends the run: more of it would not be known either."""
        if troubles := await self.load.poll():
            self.watch.read()  # how many users it had
            for trouble in troubles:
                self.watch.trouble(trouble, self._now_ns())
            raise UntrustedError(
                "The load is not what was asked for", str(troubles[0]), "See locust.log and worker-*.log"
            )

    def _now_ns(self) -> int:
        return self.epoch.since_ns(self.clock)

    def _event(self, what: str, /, **data: Any) -> int:
        at_ns = self._now_ns()
        self.watch.log.write(Event(at_ns, what, data))
        return at_ns


def _good(judged: Judged, limit: float) -> bool:
    """A level without a single call is not good: nothing was shown."""
    return judged.success_rate is not None and judged.success_rate >= limit


def _rate(judged: Judged) -> str:
    return "no calls" if judged.success_rate is None else show_percent(judged.success_rate)
