"""The load generator watches itself: processor time, waiting for a processor, scheduling lag, open files.

- cpu: processor time of this process by elapsed time, one core being 1.0
- run_delay: time spent runnable but waiting for a processor, by elapsed time (/proc/self/schedstat). That
  file covers the main thread only, which is the one that matters here: it runs every user, sends, reads and
  stamps. Locust's messages have a thread of their own, whose waiting delays no call.
- lag: how much later than asked a sleeping greenlet is woken, probed twenty times a second
- read, added: how long replies waited in the kernel before they were read, and the time that this process
  added to calls (`kernel_stamps`)
- files: how many are open, and how many may be; beyond that no connection can be made, which is not the
  server's fault
A value that a platform does not provide is None, or an empty list: unknown, never zero.
"""

import os
import resource
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from harness.load.inside.transport.kernel_stamps import sampling
from harness.load.inside.transport.timer import Alarm
from harness.run_directory.spool import Gauges

PROBE_S = 0.05
SCHEDSTAT = Path("/proc/self/schedstat")
FILES = Path("/proc/self/fd")


def run_delay_ns() -> int | None:
    """Return for how many ns this process has waited for a processor so far; None if unknown."""
    try:
        return int(SCHEDSTAT.read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return None


@dataclass(slots=True)
class SelfWatch:
    """The readings since the last `read`."""

    epoch_ns: int
    at_ns: int = field(default_factory=time.monotonic_ns)
    cpu_ns: int = field(default_factory=time.process_time_ns)
    delay_ns: int | None = field(default_factory=run_delay_ns)
    lags_ms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        sampling.is_on = True

    def probe(self) -> None:
        """Measure the scheduling lag for ever, in its own greenlet."""
        with closing(Alarm()) as alarm:
            while True:
                asked_ns = time.monotonic_ns() + int(PROBE_S * 1e9)
                alarm.sleep_until(asked_ns)
                self.lags_ms.append((time.monotonic_ns() - asked_ns) / 1e6)

    def read(self, users: int) -> Gauges:
        """Return the gauges of the time since the last `read`; the recorder and others add theirs."""
        now_ns, cpu_ns, delay_ns = time.monotonic_ns(), time.process_time_ns(), run_delay_ns()
        span_ns = max(now_ns - self.at_ns, 1)
        sampled = sampling.times(now_ns)
        gauges = Gauges(
            at_ns=now_ns - self.epoch_ns,
            started=0,
            recorded=0,
            open_calls=0,
            oldest_open_ns=now_ns - self.epoch_ns,
            users=users,
            cpu=round((cpu_ns - self.cpu_ns) / span_ns, 4),
            run_delay=_share(self.delay_ns, delay_ns, span_ns),
            lag_ms=[round(max(lag, 0.0), 3) for lag in self.lags_ms],
            read_ms=sampled.read_ms,
            held_us=sampled.held_us,
            added=sampled.added,
            added_each=sampled.added_each,
            added_others_us=sampled.added_others_us,
            files_open=_files_open(),
            files_max=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        )
        self.at_ns, self.cpu_ns, self.delay_ns = now_ns, cpu_ns, delay_ns
        self.lags_ms = []
        return gauges


def _share(before_ns: int | None, now_ns: int | None, span_ns: int) -> float | None:
    return None if before_ns is None or now_ns is None else round((now_ns - before_ns) / span_ns, 4)


def _files_open() -> int:
    try:
        return len(os.listdir(FILES))  # noqa: PTH208 - counting, at the price of one system call
    except OSError:
        return 0
