"""How long reading a run takes, and how much memory: a million calls and ten million, to every artefact.

The run directories are made up (tests/fakes/runs.py knows what the real halves write) and read by `harness report`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from figures import Figure, Table

ROOT = Path(__file__).parents[1]
PIECE = 1_000_000
MILLIONS = (1, 10)
AIMS = {1: (10.0, 1.0), 10: (60.0, 4.0)}  # seconds, GB
NS_PER_S = 1_000_000_000


def reading(_rounds: int, seconds: float, _users: int) -> Table:
    """A run read again, from its samples to every artefact."""
    figures = []
    for millions in MILLIONS if seconds >= 1 else MILLIONS[:1]:
        with tempfile.TemporaryDirectory(prefix="mcp-harness-bench-") as place:
            calls = millions * PIECE if seconds >= 1 else 10_000
            directory = make(Path(place), calls)
            took_s, memory_gb = report(directory)
        most_s, most_gb = AIMS[millions]
        told = f"{calls:,} calls"
        figures += [
            Figure("reading", told, took_s, "s", at_most=most_s),
            Figure("reading", f"{told}, memory", memory_gb, "GB", at_most=most_gb),
        ]
    return Table(figures)


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


def report(directory: Path) -> tuple[float, float]:
    """Seconds and the most memory that `harness report` took."""
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
    return time.monotonic() - began, used.ru_maxrss / 2**20
