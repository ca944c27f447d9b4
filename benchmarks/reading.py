"""How long reading a run takes, how much memory, and how large its report is: a million calls and ten million.

The run directories are made up (tests/fakes/runs.py knows what the real halves write) and read by `harness report`, to every
artefact. The hour is a long steady load with everything that makes a report long: many operations and failures,
faults, what a worker says of itself twice a second. The clock is what users wait by; on a busy machine compare processor time.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from figures import Figure, Table

ROOT = Path(__file__).parents[1]
PIECE = 1_000_000
MILLIONS = (1, 10)
AIMS = {1: (10.0, 1.0), 10: (60.0, 4.0)}  # seconds, GB
HOUR_S = 3600
REPORT_MB = 3.0
OPERATIONS, KINDS = 12, ("ok", "timeout", "reset", "http_status", "tool_error", "rate_limited", "bad_body")
NS_PER_S = 1_000_000_000


def reading(_rounds: int, seconds: float, _users: int) -> Table:
    """A run read again, from its samples to every artefact."""
    brief = seconds < 1
    runs = {f"{n * PIECE:,} calls": (partial(make, calls=n * PIECE), *AIMS[n]) for n in MILLIONS}
    runs["an hour, 1,000,000 calls"] = (hour, *AIMS[1])
    if brief:
        runs = {
            "10,000 calls": (partial(make, calls=10_000), *AIMS[1]),
            "an hour": (partial(hour, calls=10_000), *AIMS[1]),
        }
    figures, rows = [], []
    for told, (made, most_s, most_gb) in runs.items():
        with tempfile.TemporaryDirectory(prefix="mcp-harness-bench-") as place:
            directory = made(Path(place))
            took = report(directory)
            size_mb = (directory / "report.html").stat().st_size / 1e6
        figures += [
            Figure("reading", told, took.clock_s, "s", at_most=most_s),
            Figure("reading", f"{told}, memory", took.memory_gb, "GB", at_most=most_gb),
            Figure("reading", f"{told}, report.html", size_mb, "MB", at_most=REPORT_MB),
        ]
        rows.append(
            (told, *(f"{value:.3g}" for value in (took.clock_s, took.processor_s, took.memory_gb, size_mb)))
        )
    return Table(
        figures, ("run", "by the clock, s", "of a processor, s", "memory, GB", "report.html, MB"), rows
    )


def make(place: Path, calls: int) -> Path:
    """A run of ten minutes and ten levels, with the samples of that many calls."""
    from tests.fakes.runs import MS, Run, S, rows

    run = Run()
    for level in range(1, 11):
        run.level(level * 5, seconds=60, rps=1, ms=20)
    directory = run.write(place)
    samples = directory / "samples.parquet"
    schema = pq.read_schema(samples)
    random = np.random.default_rng(1)
    end_ns = 600 * S
    with pq.ParquetWriter(samples, schema) as writer:
        for start in range(0, calls, PIECE):
            count = min(PIECE, calls - start)
            intended = (start + np.arange(count)) * end_ns // calls
            done = intended + (random.lognormal(3, 0.5, count) * MS).astype(np.int64)
            frame = rows(
                count,
                seq=start + np.arange(count),
                intended_ns=intended,
                done_ns=done,
                user=np.arange(count) % 50,
                outcome=np.where(random.random(count) < 0.001, "timeout", "ok"),
            )
            writer.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False))
    return Path(directory)


def hour(place: Path, calls: int = PIECE) -> Path:
    """An hour of steady load: all that a report shows, over a long time."""
    from tests.fakes.runs import Run

    random = np.random.default_rng(2)
    run = Run(name="hour")
    for number in range(20):
        run.fault(f"fault-{number}", 100 + number * 170, 20, kind="latency" if number % 2 else "down")
    for half in range(2 * HOUR_S):
        lags = [float(lag) for lag in random.exponential(0.3, 10).round(3)]
        run.health(1 + half / 2, users=50, lag_ms=lags, read_ms=lags, files_open=60, files_max=1024)
    kinds = random.choice(KINDS, calls, p=[0.94, *[0.01] * (len(KINDS) - 1)])
    details = np.where(
        kinds == "ok", "", np.char.add(kinds, np.char.add(" ", random.integers(0, 8, calls).astype(str)))
    )
    run.level(
        50,
        seconds=HOUR_S,
        rps=calls / HOUR_S,
        ms=random.lognormal(3, 0.8, calls),
        kind="sustain",
        operation=np.char.add("tools/call:tool_", random.integers(0, OPERATIONS, calls).astype(str)),
        outcome=kinds,
        detail=details,
    )
    for at_s in range(100, HOUR_S, 60):
        run.event(
            at_s,
            "activity",
            name=f"activity {at_s}",
            type="probe",
            end_ns=(at_s + 1) * NS_PER_S,
            succeeded=True,
        )
    run.end()
    return Path(run.write(place))


@dataclass(frozen=True)
class Took:
    """What one reading needed."""

    clock_s: float
    processor_s: float
    memory_gb: float


def report(directory: Path) -> Took:
    """What `harness report` took."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "harness", "report", str(directory)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1, 3}:  # the verdict of made-up numbers is not what is asked
        raise SystemExit(f"harness report ended with {process.returncode}")
    return Took(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20)
