"""Whether the harness itself did not run for a while: stopped and continued, or its machine asleep.

It looks at the clock TICK_S apart. A look that comes STALLED_S late says that nothing here has run, and a clock that
counts the sleep of the machine, which the run's clock does not, says how long that was. Either is written down at once
and ends the run in order: what comes after is not what was to be measured, and a fault may have been on for longer.
"""

from dataclasses import dataclass, field
from typing import Final

from harness.conduct.run_values import RunContext
from harness.foundation.clock import Clock
from harness.foundation.errors import UntrustedError
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.run_directory.event_kinds import Stalled

TICK_S: Final = 0.25
STALLED_S: Final = 5.0  # a busy machine delays a look, too
ASLEEP_S: Final = 0.5


@dataclass(slots=True)
class Stalls:
    """Watches one run for stalls, and remembers those that it has found."""

    run: RunContext
    clock: Clock
    looked_ns: int = 0
    asleep_ns: int = 0
    found: list[str] = field(default_factory=list)

    async def until_stalled(self) -> None:
        """Raises when the harness goes on after a time in which it did not run."""
        self.looked_ns, self.asleep_ns = self.clock.now_ns(), self.clock.asleep_ns()
        try:
            while not self.found:
                await self.clock.sleep(TICK_S)
                self._look()
        finally:  # something else may have noticed first, by what it had missed
            self._look()
        raise UntrustedError(
            "The run was suspended",
            f"The harness did not run for {self.found[0]}",
            "Run it again, and let it run: keep the machine awake",
        )

    def _look(self) -> None:
        now_ns, asleep_ns = self.clock.now_ns(), self.clock.asleep_ns()
        late_ns = now_ns - self.looked_ns - int(TICK_S * NS_PER_S)
        slept_ns = asleep_ns - self.asleep_ns
        self.looked_ns, self.asleep_ns = now_ns, asleep_ns
        if slept_ns >= ASLEEP_S * NS_PER_S:
            self._tell(slept_ns, asleep=True)
        elif late_ns >= STALLED_S * NS_PER_S:
            self._tell(late_ns, asleep=False)

    def _tell(self, length_ns: int, *, asleep: bool) -> None:
        now_ns = self.run.clock.now_ns()
        self.run.log.write(Stalled(at_ns=now_ns, for_ms=length_ns // NS_PER_MS, asleep=asleep))
        words = f"{length_ns / NS_PER_S:.1f} s{' (the machine was asleep)' if asleep else ''}"
        self.found.append(words)
        self.run.progress.note(f"  ! the harness did not run for {words}")
