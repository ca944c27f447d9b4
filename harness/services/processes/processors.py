"""What the machine's processors did over a run that no process of it did: their clock, and the time that their host took.

    steal   the share of all processor time in which a virtual processor was ready and its host ran somebody else (/proc/stat)
    clock   the mean of all processors, once a second: what nine of ten readings are above, and below

Either is unknown (None) where the kernel does not tell: a virtual machine often has no clock of its own.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from harness.run_directory.metadata import ProcessorFacts

READINGS_MOST: Final = 3600
STEAL: Final = 7  # the column of /proc/stat, behind the name
READINGS_LEAST: Final = 5


@dataclass(slots=True)
class Processors:
    """Read once a second while the load runs."""

    stat: Path = Path("/proc/stat")
    devices: Path = Path("/sys/devices/system/cpu")
    first: tuple[int, int] | None = None  # all time, and stolen time, in ticks
    last: tuple[int, int] | None = None
    clocks_mhz: list[float] = field(default_factory=list)

    def look(self) -> None:
        """One reading."""
        now = self._ticks()
        self.first, self.last = self.first or now, now
        if (clock := self._clock_mhz()) is not None and len(self.clocks_mhz) < READINGS_MOST:
            self.clocks_mhz.append(clock)

    def facts(self) -> ProcessorFacts:
        """Return what is known, for metadata.json."""
        low = high = None
        if len(self.clocks_mhz) >= READINGS_LEAST:
            low, high = (round(float(one)) for one in np.quantile(self.clocks_mhz, (0.1, 0.9)))
        return ProcessorFacts(steal_share=self._steal(), clock_mhz_low=low, clock_mhz_high=high)

    def _steal(self) -> float | None:
        if self.first is None or self.last is None or self.last[0] <= self.first[0]:
            return None
        return round((self.last[1] - self.first[1]) / (self.last[0] - self.first[0]), 4)

    def _ticks(self) -> tuple[int, int] | None:
        try:
            words = self.stat.read_text(encoding="ascii").split("\n", 1)[0].split()
            ticks = [
                int(one) for one in words[1:9]
            ]  # guests' time, behind them, is counted as user time already
        except (OSError, ValueError):
            return None
        return (sum(ticks), ticks[STEAL]) if words[:1] == ["cpu"] and len(ticks) > STEAL else None

    def _clock_mhz(self) -> float | None:
        try:
            clocks_mhz = [
                int(one.read_text(encoding="ascii")) / 1000
                for one in self.devices.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
            ]
        except (OSError, ValueError):
            return None
        return sum(clocks_mhz) / len(clocks_mhz) if clocks_mhz else None
