"""Plays a plan's load steps against an engine, and judges each step when its calls have resolved.

    set users -> acknowledged -> settle -> measure -> done -> wait for open calls -> judge

A level of a ramp that falls below its limit is repeated after a rest (`confirm`), until its repeats decide
(harness.analysis.levels.breaking_point); if they say that it is broken, the ramp has its breaking point and ends. While a
step's calls resolve the load goes on, so nothing is measured from a system that is being relieved; but for a step by
count, and for the arrivals of the plan's last step, which send no more than was asked for.
It writes events only; the report computes the numbers again from the samples.
"""

from dataclasses import dataclass, field, replace

import pyarrow as pa
from msgspec import UNSET

from harness.analysis.levels.breaking_point import REPEATS_MOST, reason, settled, weigh
from harness.analysis.levels.steps import Judged
from harness.analysis.statistics.spans import Span
from harness.conduct.following import SpoolFollower
from harness.conduct.judging import Judgement, judgement, show_rate
from harness.conduct.live.abort_rules import AbortRules
from harness.conduct.live.first_calls import ENOUGH, FirstCalls
from harness.conduct.live.last_second import LastSecond, look
from harness.conduct.live.live_json import LiveSnapshot
from harness.conduct.live.progress import Progress
from harness.conduct.observer import Nobody, Observer
from harness.conduct.searching import search
from harness.foundation.clock import RunClock
from harness.foundation.errors import NoRoomError, UntrustedError
from harness.foundation.units import NS_PER_S
from harness.load.engine import Load
from harness.run_directory.disk_space import ELSEWHERE
from harness.run_directory.event_kinds import Aborted, Broke, StepAsked, StepDone, StepJudged, StepRunning
from harness.run_directory.samples import frame
from harness.scenario.plan.describe import show_size
from harness.scenario.plan.plan import LAST_GOOD, WARM_UP, LoadStep, Plan

LOOK_S = 0.25
TICK_S = 1.0
CONFIRM_REST_S = 1.0
ABORTED = "aborted"


class _AbortError(Exception):
    """An abort rule was met; its event has been written."""


@dataclass(slots=True, kw_only=True)
class Player:
    """Plays one plan, beside an observer. An abort rule, or first calls that all fail, end it."""

    load: Load
    clock: RunClock
    watch: SpoolFollower
    progress: Progress
    timeout_s: float
    observer: Observer = field(default_factory=Nobody)
    abort_rules: AbortRules = field(default_factory=lambda: AbortRules(()))
    first_calls: FirstCalls = field(default_factory=FirstCalls)
    last_good: int | None = field(default=None, init=False)
    last_good_rate: float | None = field(default=None, init=False)
    steps_played: int = field(default=0, init=False)
    ticked_ns: int = field(default=0, init=False)
    last_index: int = field(default=-1, init=False)  # of the plan's last step
    # The load step that has all its users, and is not over.
    measuring: str | None = field(default=None, init=False)
    # The measured window of a step that needs only counts.
    counting: Span | None = field(default=None, init=False)

    async def play(self, plan: Plan) -> str:
        """Play every step in turn; return why the run ended.

        A step in which an abort rule is met has no end event.
        """
        try:
            return await self._steps(plan)
        except _AbortError:
            return ABORTED

    async def _steps(self, plan: Plan) -> str:
        broken_phase = ""
        self.observer.step_began(None, self.clock.now_ns())
        self.last_index = plan.steps[-1].index
        if plan.warm_up is not None:
            await self._warm_up(plan.warm_up)
        for step in plan.steps:
            if step.phase == broken_phase:
                continue
            if step.users == LAST_GOOD:
                if self.last_good is None:
                    self.progress.note("No level of the ramp was good: there is nothing to sustain.")
                    return "no_good_level"
                step = replace(step, users=self.last_good)  # noqa: PLW2901 - the level is known now
            if plan.matrix:
                self.progress.note(f"  {step.index + 1} of {len(plan.steps)}: {step.phase}")
            if step.search is not None:
                await search(step, self)
            elif await self._breaks(step):
                broken_phase = step.phase
            elif step.break_below is not None:
                self._passed(step)
            await self._rest(step.rest_s)
        return "broke" if broken_phase else "completed"

    async def level(self, step: LoadStep) -> Judgement:
        """Play one trial of a search."""
        return await self._level(step)

    async def drain(self, rest_s: float) -> None:
        """Take the load off for a time, and until nothing is open any more."""
        await self._rest(rest_s)
        await self._until_resolved(self.clock.now_ns(), "letting the queue run empty")

    def now_ns(self) -> int:
        return self.clock.now_ns()

    def note(self, text: str) -> None:
        self.progress.note(text)

    async def _warm_up(self, step: LoadStep) -> None:
        """Run the load of the first step, before anything is measured."""
        self.progress.note(f"  warming up at {show_size(step.users, step.arrivals)}")
        began_ns = await self._set(step, 0)
        await self._until(began_ns + int(step.hold_s * NS_PER_S), "warming up")

    def _passed(self, step: LoadStep) -> None:
        if isinstance(step.users, int):
            self.last_good = step.users
        self.last_good_rate = step.rate_per_s

    async def _breaks(self, step: LoadStep) -> bool:
        """Play a level; return whether it is beyond the breaking point, also when repeated."""
        first = await self._level(step)
        if not first.broken:
            return False
        why, confirmed = await self._repeated(step, first) if step.confirm else (first.broken, False)
        if not why:
            return False
        self.watch.log.write(
            Broke(
                at_ns=self.clock.now_ns(),
                users=_users(step),
                last_good_users=self.last_good if step.users else None,
                reason=why,
                confirmed=confirmed,
                rate=step.rate_per_s if step.arrivals else UNSET,
                last_good_rate=self.last_good_rate if step.arrivals else UNSET,
            )
        )
        return True

    async def _repeated(self, step: LoadStep, judged: Judgement) -> tuple[str, bool]:
        """Repeat the level until it is decided.

        Return why it is broken ("": it is not), and whether that is sure.
        """
        limit, size = step.break_below or 0.0, show_size(step.users, step.arrivals)
        runs, by_bound, state = [judged.judged], judged.bound, "open"
        while state == "open" and len(runs) <= REPEATS_MOST:
            self.progress.note(f"  {size}: {judged.broken or 'not decided yet'}; repeating the level")
            await self._rest(max(step.rest_s, CONFIRM_REST_S))
            judged = await self._level(replace(step, kind="confirm"))
            runs.append(judged.judged)
            if judged.bound:
                return judged.broken, True
            state = "good" if by_bound and not judged.broken else weigh(runs[1:], limit)
        if state == "open":
            state = settled(runs[1:], limit, went_on=False)
        return ("" if state == "good" else reason(runs, limit)), state == "broken"

    async def _level(self, step: LoadStep) -> Judgement:
        """Hold one level, and judge it."""
        index = self.steps_played
        self.steps_played += 1
        self.watch.log.write(
            StepAsked(
                at_ns=self.clock.now_ns(),
                index=index,
                name=step.phase,
                kind=step.kind,
                users=_users(step),
                rate=step.rate_per_s,
            )
        )
        self.watch.begin_step(whole_rows=bool(step.break_unless or step.search))
        running_ns = await self._set(step, index)
        await self._check()
        self.watch.log.write(StepRunning(at_ns=running_ns, index=index, users=_users(step)))
        self.observer.step_began(step.phase, running_ns)
        doing = f"{step.phase} step {index + 1}"
        self.measuring = step.phase
        start_ns, end_ns = await self._measure(step, running_ns, doing)
        self.measuring = None
        why = "count" if step.requests else "time"
        now_ns = self.clock.now_ns()
        self.watch.log.write(
            StepDone(at_ns=now_ns, index=index, start_ns=start_ns, end_ns=end_ns, reason=why)
        )
        await self._until_resolved(end_ns, f"{doing}, waiting for open calls")
        return self._judge(step, index, start_ns, end_ns)

    async def _set(self, step: LoadStep, index: int) -> int:
        """Set the load of a step; return the time at which all of it runs."""
        if step.arrivals is not None:
            last = step.index == self.last_index and step.kind != WARM_UP
            return await self.load.set_arrivals(step.arrivals, index, step.hold_s, last=last)
        assert isinstance(step.users, int)
        return await self.load.set_users(step.users, step.requests)

    async def _measure(self, step: LoadStep, running_ns: int, doing: str) -> tuple[int, int]:
        """Hold the step; return the measured window."""
        if not step.requests:
            end_ns = running_ns + int(step.hold_s * NS_PER_S)
            start_ns = running_ns + int(step.settle_s * NS_PER_S)
            # A level with a limit needs its rows; any other, which may last for hours, needs only counts.
            self.counting = (start_ns, end_ns) if step.break_below is None and step.search is None else None
            await self._until(end_ns, doing)
            self.counting = None
            return start_ns, min(end_ns, self.clock.now_ns())
        assert isinstance(step.users, int)
        # The longest it can take: every round of calls times out.
        rounds = -(-step.requests // step.users) + 1
        limit_ns = running_ns + int(rounds * self.timeout_s * NS_PER_S)
        while not self.watch.counted_out(running_ns) and self.clock.now_ns() < limit_ns:
            await self._look(LOOK_S, doing)
        return running_ns, self.watch.last_done_ns(running_ns) + 1

    def _judge(self, step: LoadStep, index: int, start_ns: int, end_ns: int) -> Judgement:
        rows = frame(self.watch.step_rows)
        judged = self.watch.judged(rows, start_ns, end_ns)
        judged = replace(judged, not_sent=self.watch.not_sent(start_ns, end_ns))
        result = judgement(step, judged, rows, start_ns, end_ns)
        self.watch.log.write(
            StepJudged(
                at_ns=self.clock.now_ns(),
                index=index,
                requests=judged.requests,
                ok=judged.ok,
                failed=judged.failed,
                not_sent=judged.not_sent,
                success_rate=judged.success_rate,
                broke=bool(result.broken),
            )
        )
        for text in result.unasked:
            self.progress.note(f"  {text}")
        self.progress.note(_line(step, judged, (end_ns - start_ns) / NS_PER_S))
        return result

    async def _rest(self, rest_s: float) -> None:
        """Pause without users, so that one step's backlog does not affect the next."""
        if rest_s > 0:
            await self.load.set_users(0)
            await self._until(self.clock.now_ns() + int(rest_s * NS_PER_S), "resting")

    async def _until(self, end_ns: int, doing: str) -> None:
        while (left_ns := end_ns - self.clock.now_ns()) > 0 and not self.observer.has_enough():
            await self._look(min(LOOK_S, left_ns / NS_PER_S), doing)

    async def _until_resolved(self, end_ns: int, doing: str) -> None:
        """Wait for open calls; at most as long as a call may take, since then it is recorded as `timeout`."""
        limit_ns = end_ns + int((self.timeout_s + 5) * NS_PER_S)
        await self._look(0, doing)
        while not self.watch.resolved(end_ns) and self.clock.now_ns() < limit_ns:
            await self._look(LOOK_S, doing)

    async def _look(self, sleep_s: float, doing: str) -> None:
        await self.clock.sleep(sleep_s)
        await self._check()
        now_ns = self.clock.now_ns()
        fresh = self.watch.read()
        if self.counting is not None:
            start_ns, end_ns = self.counting
            self.watch.count(start_ns, min(now_ns, end_ns))
        self._stop_if_all_failed(fresh)
        span_s = (self.clock.now_ns() - self.ticked_ns) / NS_PER_S
        if span_s >= TICK_S:
            self._tell(doing, span_s)

    def _tell(self, doing: str, span_s: float) -> None:
        """Pass the figures of the last second to progress, observer and abort rules."""
        rows = self.watch.take()
        users = sum(gauges.users for gauges in self.watch.gauges.values())
        live = look(rows.tables, users, self.clock.now_ns() / NS_PER_S, span_s)
        shown = LiveSnapshot(live, doing, self.measuring, tuple(self.observer.faults()))
        self.progress.tick(live, shown.headline)
        self.observer.second(shown, rows)
        self.ticked_ns = self.clock.now_ns()
        self._stop_if_met(live)

    def _stop_if_met(self, live: LastSecond) -> None:
        """End the run at once if an abort rule is met."""
        if met := self.abort_rules.look(live):
            self.watch.log.write(met.event(self.clock.now_ns()))
            self.progress.note(f"  Stopped early: {met.rule.text}")
            raise _AbortError

    def _stop_if_all_failed(self, fresh: list[pa.Table]) -> None:
        """End the run if the first calls all fail."""
        if failure := self.first_calls.look(fresh, fault_on=bool(self.observer.faults())):
            rule = f"the first {ENOUGH} calls all failed"
            self.watch.log.write(
                Aborted(at_ns=self.clock.now_ns(), rule=rule, since_s=0.0, observed=0.0, why=failure)
            )
            self.progress.note(
                f"  Stopped early: {rule}: {failure} (--expect-failures continues all the same)"
            )
            raise _AbortError

    async def _check(self) -> None:
        """End the run if the load has trouble: it is not what was asked for, and cannot be trusted."""
        if troubles := await self.load.poll():
            self.watch.read()  # for the number of users that were lost
            for trouble in troubles:
                self.watch.trouble(trouble, self.clock.now_ns())
            if full := next((one for one in troubles if one.unwritten), None):
                raise NoRoomError("A load worker cannot write what it measures", str(full), ELSEWHERE)
            raise UntrustedError(
                "The load is not what was asked for", str(troubles[0]), "See locust.log and worker-*.log"
            )


def _users(step: LoadStep) -> int | None:
    return step.users if isinstance(step.users, int) else None


def _line(step: LoadStep, judged: Judged, span_s: float) -> str:
    """Return a line about a level."""
    rps = judged.ok / max(span_s, 1e-9)
    lost = f"  {judged.not_sent:,} not sent" if judged.not_sent else ""
    return f"  {show_size(step.users, step.arrivals):>11}  {rps:>7.0f}/s  {show_rate(judged):>7} ok{lost}"
