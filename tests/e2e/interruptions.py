"""Runs with a fault, interrupted at random moments by Ctrl-C or by kill -9: is anything left?

    make interrupt          twenty of them, a line each; SEED=7 begins elsewhere
    python -m tests.e2e.interruptions 20 --seed 0

Each run has a place of its own and a fault that the seed draws; the Toxiproxy is somebody else's, with a proxy of theirs
on it. Left over is: a proxy or a toxic beyond theirs, a process (stopped ones, too), a temporary directory.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from harness.services.toxiproxy import install
from tests.e2e import toxiproxies
from tests.e2e.leftovers import processes_of
from tests.e2e.toxiproxies import call

FAULTS = (
    "latency:latency=200ms",
    "down:link=database",
    "pause",
    "kill",
    "restart",
    "pause:link=postgres",
    "reset_peer",
    "limit_data:link=database,bytes=4KB",
    "slicer:link=database",
    "kill:link=postgres",
)
FOR_S, LOAD_S = 6, 12  # a fault, and the load that it lies in
LATEST_S = 11.0  # after the run directory is there: before, in and after the fault
GONE_WITHIN_S = 60.0


@dataclass(frozen=True)
class Interrupted:
    """One run, and what it has left."""

    seed: int
    fault: str
    number: signal.Signals
    after_s: float
    exit_code: int
    left: tuple[str, ...]

    def line(self) -> str:
        left = "nothing left" if not self.left else f"LEFT: {'; '.join(self.left)}"
        return (
            f"seed {self.seed:>3}  {self.number.name:<7}  after {self.after_s:>4.1f} s  {self.fault:<36}"
            f"  exit {self.exit_code:>3}  {left}"
        )


def interrupted(seed: int, url: str, place: Path) -> Interrupted:
    """Start a run, end it at a moment that the seed draws, and look for what is left."""
    draw = Random(seed)
    number = signal.Signals(signal.SIGINT if seed % 2 == 0 else signal.SIGKILL)
    fault, after_s = draw.choice(FAULTS), draw.random() * LATEST_S
    (place / "tmp").mkdir(mode=0o755)
    before = call(url, "/proxies")
    colon = "," if ":" in fault else ":"
    lasting = "" if fault == "restart" else f",for={FOR_S}s"
    process = subprocess.Popen(
        [
            *(
                sys.executable,
                "-m",
                "harness",
                "sustain",
                "--no-history",
                "--users",
                "3",
                "--for",
                f"{LOAD_S}s",
                "--json",
            ),
            *("--fault", f"{fault}{colon}at=2s{lasting}", "--out", str(place / "out")),
        ],
        env=_clean() | {"TMPDIR": str(place / "tmp"), "TOXIPROXY_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until(lambda: bool(list(place.glob("out/*/2*"))) or process.poll() is not None)
        time.sleep(after_s)  # a random moment is the point
        process.send_signal(number)
        exit_code = process.wait(GONE_WITHIN_S * 2)
    finally:
        process.kill()
        process.wait()
    _until(lambda: not _left(url, before, place))
    return Interrupted(seed, fault, number, after_s, exit_code, _left(url, before, place))


def _left(url: str, before: Any, place: Path) -> tuple[str, ...]:
    now = call(url, "/proxies")
    found = [f"proxy {name}" for name in now if name not in before]
    found += [f"changed proxy {name}" for name in before if now.get(name) != before[name]]
    found += [f"process {pid} ({said})" for pid, said in processes_of(place / "out", place).items()]
    return (*found, *(f"directory {path.name}" for path in (place / "tmp").iterdir()))


def _until(there: Any) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while not there() and time.monotonic() < deadline:
        time.sleep(0.05)


def _clean() -> dict[str, str]:
    ours = ("HARNESS_", "DATABASE_URL", "TOXIPROXY_", "REDIS_URL", "AMQP_URL")
    found = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return found | {"HARNESS_HISTORY": "off"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", type=int, nargs="?", default=20)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    binary = install.found()
    if binary is None:
        sys.exit("No Toxiproxy: harness toxiproxy install")
    clean = 0
    with toxiproxies.shared(binary.path) as (url, _):
        for seed in range(asked.seed, asked.seed + asked.runs):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
                done = interrupted(seed, url, Path(place))
            clean += not done.left
            print(done.line(), flush=True)  # noqa: T201 - this is what it is for
    print(f"{clean} of {asked.runs} runs left nothing")  # noqa: T201
    return 0 if clean == asked.runs else 1


if __name__ == "__main__":
    sys.exit(main())
