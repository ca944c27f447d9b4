"""The functions of the hot path, timed by pytest-benchmark (see test_functions.py)."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from figures import Figure, Table

TESTS = Path(__file__).parent / "test_functions.py"
ROOT = TESTS.parents[1]


def functions(_rounds: int, seconds: float, _users: int) -> Table:
    """The functions that every call goes through; the shortest time of each."""
    with tempfile.TemporaryDirectory() as place:
        told = Path(place) / "functions.json"
        options = [
            "-q", "-p", "no:cacheprovider", f"--benchmark-json={told}", f"--benchmark-max-time={seconds / 3}",
            "--benchmark-min-rounds=3", "--benchmark-columns=min",
        ]  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, str(TESTS)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"The functions' tests fail:\n{done.stdout[-2000:]}")
        found = json.loads(told.read_text(encoding="utf-8"))["benchmarks"]
    figures = [
        Figure(
            "functions", one["name"].removeprefix("test_").replace("_", " "), one["stats"]["min"] * 1e6, "us"
        )
        for one in found
    ]
    return Table(figures)
