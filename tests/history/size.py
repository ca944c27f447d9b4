"""Ten thousand runs in an embedded history: how large it is, how long commands take, and which changes trends find.

    python -m tests.history.size [RUNS]

Runs are synthetic: a ramp of ten levels and two held steps, five operations, two faults, histograms of 20,000 calls. Prints
seconds and memory of each command, in processes of their own as a user starts them, and the size of the database.

One of the scenarios is 5 % slower from night 60 on. Its trend has to say so from night 62 on, by every latency and
throughput, and no trend of any scenario may say anything else, at any length of its series from there on.
"""

# ruff: noqa: T201 - it is a report

import asyncio
import base64
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
from hdrh.histogram import HdrHistogram
from msgspec.structs import replace

from harness.history import opening, over_time, store
from harness.history.comparison.measured import Value
from harness.history.location import Place
from harness.history.over_time import OverTime
from harness.history.record import FaultRecord, HistogramRecord, RunRecord, Series, Times
from harness.history.trend.series import NEAR, trend
from tests.history.records import operation, record, step

SERIES, COMMANDS_S, COMMANDS_MB, DATABASE_GB = 16, 2.0, 300, 1.5
SLOWER, SLOWER_FROM, WITHIN = 3, 60, 3  # the scenario, the night (the first is 0), nights until it is found
QUANTILES = (("p50", 1.0), ("p90", 1.6), ("p95", 2.0), ("p99", 3.0))


def histogram(ms: float, random: np.random.Generator) -> bytes:
    """Of 20,000 calls."""
    made = HdrHistogram(1, 86_400_000_000, 3)
    values, counts = np.unique(
        (random.lognormal(np.log(ms), 0.4, 20_000) * 1000).astype(int), return_counts=True
    )
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        made.record_value(value, count)
    return base64.b64decode(made.encode())


def synthetic(number: int, payloads: list[bytes], random: np.random.Generator) -> RunRecord:
    """A run of one of the series, five a night, with a noise of 2 %."""
    night, at = divmod(number // SERIES, 5)
    of = Series(
        scenario=f"scenario-{number % SERIES}", scenario_hash=f"{number % SERIES:016x}", target="server", machine="m",
        branch="main",
    )  # fmt: skip
    started = datetime(2025, 1, 1, 3, tzinfo=UTC) + timedelta(days=night, minutes=11 * at)
    slower = 1.05 if number % SERIES == SLOWER and night >= SLOWER_FROM else 1.0
    ms = 20 * float(random.lognormal(0, 0.02)) * slower
    times = Times(**{name: ms * factor for name, factor in QUANTILES})
    steps = tuple(
        step(index, f"climb {5 * index + 5} users" if index < 10 else f"held-{index}", "ramp" if index < 10 else "sustain",
             times=times)
        for index in range(12)
    )  # fmt: skip
    operations = tuple(operation(f"tools/call:tool_{index}", times=times) for index in range(5))
    parts = [*(("step", one.name) for one in steps), *(("operation", one.operation) for one in operations)]
    figures = tuple(
        Value(of=name, name=figure, unit=unit, value=value, leading=name.startswith("held"))
        for _, name in parts
        for figure, unit, value in (
            ("throughput", "per_s", 5000 / ms),
            ("success", "share", 1.0),
            *((name, "ms", ms * factor) for name, factor in QUANTILES),
        )
    )
    made = record(
        f"{started:%Y%m%dT%H%M%SZ}-{number:06x}", series=of, started_at=started.isoformat(), times=times, steps=steps,
        operations=operations, figures=figures, night=f"{of.scenario}-{night}", tags=("good-night",), duration_s=600.0,
        commit=f"{night:040x}", noise=(), run_dir=f"/runs/{number}",
    )  # fmt: skip
    histograms = tuple(
        HistogramRecord(
            part=part, name=name, timed=timed, count=20_000, data=payloads[(number + at) % len(payloads)]
        )
        for part, name in parts
        for timed in ("response", "service")
    )
    faults = tuple(
        FaultRecord(
            name=name, kind="latency", link="client", verified=True, healed=True, success_rate=0.99,
            recover_s=1 + float(random.random()), sessions_lost=0,
        )
        for name in ("slow", "cut")
    )  # fmt: skip
    return replace(made, histograms=histograms, faults=faults)


async def fill(place: Path, count: int) -> None:
    """Bring so many runs, as `harness history import` does."""
    random = np.random.default_rng(7)
    payloads = [histogram(20 * (1 + number / 50), random) for number in range(20)]
    async with opening.opened(Place(place)) as connection:
        for first in range(0, count, store.BATCH):
            batch = [
                synthetic(number, payloads, random)
                for number in range(first, min(count, first + store.BATCH))
            ]
            new, refused = await store.bring(connection, [(one.run_id, one) for one in batch])
            assert (new, refused) == (len(batch), [])
        await connection.execute("ANALYZE")


async def trends(place: Path) -> tuple[str, list[str]]:
    """After how many nights the planted change is found, and every other change for the worse.

    Each series as it is now, and that of the slower scenario as it was when each night from SLOWER_FROM on had been made.
    """
    other: list[str] = []
    said = "not enough nights"
    async with opening.opened(Place(place)) as connection:
        for number in range(SERIES):
            (whole,) = await over_time.read(connection, f"scenario-{number}")
            lengths = [len(whole.points)]
            if number == SLOWER and len(whole.points) >= SLOWER_FROM + WITHIN:
                lengths = list(range(SLOWER_FROM, len(whole.points) + 1))
            for length in lengths:
                found = trend(cut(whole, length))
                for one in found.series:
                    other += [
                        f"{found.scenario} {one.of}: {one.name} at {change.at} of {length}"
                        for change in one.worse
                        if number != SLOWER or abs(change.at - SLOWER_FROM) > NEAR
                    ]
                if number == SLOWER and length == SLOWER_FROM + WITHIN:
                    slow = [one for one in found.series if one.name != "success"]
                    seen = sum(bool(one.worse) for one in slow)
                    said = f"found {WITHIN} nights later in {seen} of {len(slow)} figures"
                    said = said if seen == len(slow) else f"not {said}"
    return said, other


def cut(whole: OverTime, length: int) -> OverTime:
    """The series as it was when it had so many nights."""
    lines = tuple(replace(one, values=one.values[:length]) for one in whole.lines)
    outcomes = tuple(replace(one, held=one.held[:length]) for one in whole.outcomes)
    return replace(whole, points=whole.points[:length], lines=lines, outcomes=outcomes)


def timed(place: Path, *words: str) -> tuple[float, float, float, str]:
    """Seconds, seconds of a processor (its children's, too), MB, and output of a command."""
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", *words], stdout=subprocess.PIPE, text=True,
        env=os.environ | {"HARNESS_HISTORY_DIR": str(place), "HARNESS_HISTORY_URL": ""},
    )  # fmt: skip
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in {0, 1, 3}, (words, process.returncode)
    busy_s = usage.ru_utime + usage.ru_stime
    return time.monotonic() - start, busy_s, usage.ru_maxrss / 1024, output


def main(count: int = 10_000) -> int:
    """Print the figures; 1 when one of them is above its bound."""
    place = Path(tempfile.mkdtemp(prefix="history-"))
    place.chmod(0o711)
    try:
        began = time.monotonic()
        asyncio.run(fill(place, count))
        print(f"{count:,} runs brought in {time.monotonic() - began:.0f} s, {_mb():.0f} MB")
        runs = msgspec.json.decode(timed(place, "history", "list", "--json", "--scenario", "scenario-3")[-1])[
            "runs"
        ]
        worst = [0.0, 0.0]
        for words in (
            ("history", "list"),
            ("history", "list", "--scenario", "scenario-3", "--branch", "main"),
            ("history", "show", runs[0]["run_id"]),
            ("compare", "baseline", runs[0]["run_id"]),
            ("baseline", "show"),
            ("trend", f"scenario-{SLOWER}"),
            ("trend", "scenario-4", "--report", str(place / "trend.html")),
        ):
            seconds, busy_s, mb, _ = timed(place, *words)
            print(
                f"harness {' '.join(words):<60} {seconds:5.1f} s ({busy_s:.1f} s of a processor) {mb:5.0f} MB"
            )
            worst = [max(worst[0], seconds), max(worst[1], mb)]
        found, other = asyncio.run(trends(place))
        print(f"5 % slower from night {SLOWER_FROM}: {found}; other changes for the worse: {other or 'none'}")
        gb = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 1e9
        print(f"{gb:.2f} GB on disk, with PostgreSQL's own log of what it writes")
        return int(
            worst[0] > COMMANDS_S
            or worst[1] > COMMANDS_MB
            or gb > DATABASE_GB
            or bool(other)
            or "not" in found
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
