"""Detects that the harness did not run for a while: it was stopped and continued, or its machine slept.

It reads the clock every TICK_S. If a reading is STALLED_S late, the harness did not run; a second clock,
which unlike the run's clock counts the machine's sleep, tells how long that was. Either is written down at
once and ends the run in order: the rest would not be what was to be measured, and a fault may have been on
for longer.
"""

from dataclasses import dataclass, field
from typing import Final

from harness.conduct.run_values import RunContext
from harness.foundation.clock import Clock
from harness.foundation.errors import UntrustedError
from harness.foundation.units import NS_PER_MS, NS_PER_S
from harness.run_directory.event_kinds import Stalled

TICK_S: Final = 0.25
STALLED_S: Final = 5.0  # a busy machine delays a reading, too
ASLEEP_S: Final = 0.5


@dataclass(slots=True)
class Stalls:
    """Watches one run for stalls, and keeps those that it has found."""

    run: RunContext
    clock: Clock
    looked_ns: int = 0
    asleep_ns: int = 0
    found: list[str] = field(default_factory=list)

    async def until_stalled(self) -> None:
        """Wait for a stall; raise UntrustedError after it."""
        self.looked_ns, self.asleep_ns = self.clock.now_ns(), self.clock.asleep_ns()
        try:
            while not self.found:
                await self.clock.sleep(TICK_S)
                self._look()
        finally:  # another part may have noticed the stall first
            self._look()
        raise UntrustedError(
            "The run was suspended",
            f"The harness did not run for {self.found[0]}",
            "Run it again, and keep the machine awake",
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
