"""`harness rate` against servers whose response times are known from theory.

- A server that stands still for a second, once, at an even rate: each call that came meanwhile waits for the rest of
  that second. Of a ten-second run that is a tenth of the calls, so p95 is 0.5 s and p99 0.9 s. A generator that
  waits for its answers would have sent almost none of them.
- A server that takes exponentially distributed times, one call after the other, with Poisson arrivals (M/M/1): the
  response time is exponentially distributed, too, with mean 1 / (rate of service - rate of arrivals).
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from echo_target import echo_target
from figures import Figure, Table

ROOT = Path(__file__).parents[1]
STALL_RATE = 500
STALL_S = 1.0
SERVED, ARRIVING = 400.0, 200.0
CHANCE = (
    "By chance alone one run in twenty is 5 (p50) to 7 % (p95) off."  # simulated, 300 runs of 12,000 calls
)


def stall(_rounds: int, seconds: float, _users: int) -> Table:
    """A server that stands still for a second, under 500 calls a second."""
    for_s = max(2, round(seconds * 10 / 3))
    with echo_target("-stall", f"{STALL_S}s", "-after", str(STALL_RATE * for_s // 2)) as target:
        found = response_s(target.port, STALL_RATE, for_s)
    spared = 1 - STALL_S * STALL_RATE / len(found)
    expected = {q: STALL_S * (q - spared) / (1 - spared) for q in (0.95, 0.99) if q > spared}
    return _compared("stall", found, expected, at_most=5.0, note="")


def queue(_rounds: int, seconds: float, _users: int) -> Table:
    """Poisson arrivals at a server of an M/M/1 queue."""
    with echo_target() as target:
        way_s = float(np.median(response_s(target.port, ARRIVING, max(2, round(seconds)))))
    with echo_target("-rate", str(SERVED)) as target:
        found = response_s(target.port, ARRIVING, max(2, round(seconds * 20)), "--arrivals", "poisson")
    expected = {q: way_s - math.log(1 - q) / (SERVED - ARRIVING) for q in (0.5, 0.9, 0.95)}
    note = f"Theory, and {way_s * 1000:.2f} ms: what the same calls take where nothing is served. {CHANCE}"
    return _compared("queue", found, expected, at_most=10.0, note=note)


def response_s(port: int, rate: float, for_s: float, *more: str) -> np.ndarray:
    """Response times of all calls, as the run's samples have them."""
    with tempfile.TemporaryDirectory(prefix="mcp-harness-bench-") as place:
        done = subprocess.run(
            [
                sys.executable, "-m", "harness", "rate", "--no-history", f"--rate={rate:g}/s", f"--for={for_s}s", f"--out={place}",
                f"--url=http://127.0.0.1:{port}/mcp", "--protocol=2026-07-28", "--call=echo",
                '--args={"message": "hello"}', "--json", *more,
            ],
            capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        if done.returncode not in {0, 3}:  # 3: a busy machine; the table says how far off it was
            raise SystemExit(f"harness rate ended with {done.returncode}: {done.stderr[-800:]}")
        samples = pd.read_parquet(Path(json.loads(done.stdout)["run_dir"]) / "samples.parquet")
    calls = samples[samples["operation"] == "tools/call:echo"]
    return ((calls["done_ns"] - calls["intended_ns"]) / 1e9).to_numpy()


def _compared(
    part: str, found_s: np.ndarray, expected_s: dict[float, float], at_most: float, note: str
) -> Table:
    figures, rows = [], []
    for q, theory_s in expected_s.items():
        measured_s = float(np.quantile(found_s, q))
        off = abs(measured_s / theory_s - 1) * 100
        figures.append(Figure(part, f"p{q * 100:g} off theory", off, "%", at_most=at_most))
        rows.append((f"p{q * 100:g}", f"{theory_s * 1000:.1f}", f"{measured_s * 1000:.1f}", f"{off:.1f} %"))
    return Table(
        figures,
        ("percentile", "theory ms", "measured ms", "off"),
        rows,
        f"{len(found_s):,} calls. {note}".strip(),
    )
