"""`make soak`: an hour of a real run, with faults and with clients that come and go; does any part of it grow?

make soak                  an hour; MINUTES=10 for less
python -m tests.soak --minutes 10 [--out DIR] [--break slow-leak]

Every STEP_S the memory, the descriptors and the threads of each part are read from /proc, and the disk that the run and its
PostgreSQL take. One table at the end. The command ends with 1 when a part grows, with 3 when that is open, or the run did not
come to its end. Toxiproxy has to be there (`harness toxiproxy install`).
"""

import argparse
import asyncio
import contextlib
import ctypes
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.soak import table
from tests.soak.clients import visit_on
from tests.soak.parts import bytes_under, data_of, parts_of, seen

STEP_S, STEP_S_SHORT = 2.0, 0.5
START_S, END_S = 120.0, 180.0
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"fault": "latency", "link": "database", "latency": "50ms"},
    {"fault": "reset_peer", "link": "client"},
    {"fault": "latency", "link": "client", "latency": "100ms", "jitter": "20ms"},
    {"fault": "rude", "link": "door", "how": "disconnect"},
    {"fault": "down", "link": "client"},
    {"fault": "rude", "link": "door", "how": "never_read"},
    {"fault": "slicer", "link": "client"},
    {"fault": "rude", "link": "door", "how": "malformed"},
    {"fault": "timeout", "link": "client"},
    {"fault": "noop", "link": "client"},
)


@dataclass(slots=True)
class Watched:
    """What was read, by what it is of."""

    series: dict[tuple[str, str], tuple[list[float], list[float]]] = field(default_factory=dict)
    calls: dict[str, list[int]] = field(
        default_factory=dict
    )  # that had their rows there, at each reading of the disk
    visited: Counter[str] = field(default_factory=Counter)

    def add(self, part: str, what: str, at_s: float, value: float) -> None:
        times, values = self.series.setdefault((part, what), ([], []))
        times.append(at_s)
        values.append(value)

    def add_disk(self, place: str, at_s: float, size: int, calls: int) -> None:
        self.add(place, "disk", at_s, size)
        self.calls.setdefault(place, []).append(calls)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--out", type=Path, help="where the run goes (default: a place that is removed)")
    parser.add_argument(
        "--break", dest="broken", help="let the reference target be wrong: slow-leak must be found"
    )
    asked = parser.parse_args()
    with contextlib.ExitStack() as stack:
        out = asked.out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-soak-")))
        out.mkdir(parents=True, exist_ok=True)
        watched, reason = asyncio.run(_soak(out, asked.minutes, asked.users, asked.broken))
        rows = table.rows(watched.series, watched.calls, short=asked.minutes < table.SHORT_MINUTES)
    say = sys.stdout.write
    say(table.text(rows))
    if asked.out:
        read = {f"{part} {what}": one for (part, what), one in watched.series.items()}
        (asked.out / "soak.json").write_text(json.dumps(read), encoding="utf-8")
    visits = ", ".join(f"{name} {count:,}" for name, count in watched.visited.items())
    say(f"\nbeside the load: {visits}\nthe run: {reason}\n")
    return table.exit_code(rows) or (0 if reason == "completed" else 3)


async def _soak(out: Path, minutes: float, users: int, broken: str | None) -> tuple[Watched, str]:
    """What was seen of the run, and why it ended."""
    scenario = out / "soak.yaml"
    scenario.write_text(yaml.safe_dump(_scenario(minutes, users, broken)), encoding="utf-8")
    argv = [sys.executable, "-m", "harness", "run", str(scenario), "--no-history", "--out", str(out)]
    with (out / "harness.txt").open("wb") as log:
        harness = await asyncio.create_subprocess_exec(*argv, stdout=log, stderr=log, preexec_fn=_end_with_us)
    watched = Watched()
    try:
        run = await _running(out, harness)
        if run is None:
            return watched, (out / "harness.txt").read_text(errors="replace")
        url = json.loads((run / "metadata.json").read_text())["target"]["url"].removesuffix("/mcp")
        visiting = asyncio.create_task(visit_on(url, watched.visited))
        try:
            await _watch(watched, run, harness, STEP_S_SHORT if minutes < table.SHORT_MINUTES else STEP_S)
        finally:
            visiting.cancel()
            await asyncio.wait([visiting])
        async with asyncio.timeout(END_S):
            await harness.wait()
        return watched, _last(run / "events.jsonl", "run_ended").get("reason", "nothing says how it ended")
    finally:
        if harness.returncode is None:
            harness.terminate()
            await harness.wait()


def _end_with_us() -> None:
    """In the child: the kernel tells it to end when this process ends, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


async def _watch(watched: Watched, run: Path, harness: asyncio.subprocess.Process, step_s: float) -> None:
    """Until its step is over."""
    began_s, size, data = time.monotonic(), 0, None
    recorded: dict[int, int] = {}
    while harness.returncode is None:
        await asyncio.sleep(step_s)
        with (run / "events.jsonl").open("rb") as file:
            file.seek(size)
            piece = file.read().rpartition(b"\n")[0]
        size += len(piece) + bool(piece)
        for line in piece.splitlines():
            event = json.loads(line)
            if event["event"] == "step_done":
                return
            if event["event"] == "generator":
                recorded[event["worker"]] = event["recorded"]
        at_s = time.monotonic() - began_s
        found = parts_of(harness.pid)
        for part, pids in found.items():
            if (now := seen(pids)) is not None:
                watched.add(part, "memory", at_s, now.memory_mb)
                if now.shared_mb > 1:
                    watched.add(part, "shared", at_s, now.shared_mb)
                watched.add(part, "files", at_s, now.files)
                watched.add(part, "threads", at_s, now.threads)
        data = data or data_of(found.get("postgres", []))
        calls = sum(recorded.values())
        watched.add_disk(table.RUN_DIRECTORY, at_s, bytes_under(run), calls)
        if data is not None:
            size_of_data = bytes_under(data, without="pg_wal")
            watched.add_disk("postgres", at_s, size_of_data, calls + watched.visited.total())


async def _running(out: Path, harness: asyncio.subprocess.Process) -> Path | None:
    """The run's directory, when all its users are there."""
    async with asyncio.timeout(START_S):
        while harness.returncode is None:
            for events in out.glob("soak/2*/events.jsonl"):
                if _last(events, "step_running"):
                    return events.parent
            await asyncio.sleep(0.2)
    return None


def _last(events: Path, kind: str) -> dict[str, Any]:
    found = [json.loads(line) for line in events.read_text().splitlines() if f'"event":"{kind}"' in line]
    return dict(found[-1]) if found else {}


def _scenario(minutes: float, users: int, broken: str | None) -> dict[str, Any]:
    """One level for that long; a fault of eight seconds each minute, more often in a short one."""
    every_s = 60 if minutes >= table.SHORT_MINUTES else 20
    count = max(1, int((minutes * 60 - 12) // every_s))
    faults = [
        {
            "name": f"f{number}",
            "at": f"steady+{10 + number * every_s}s",
            "for": "8s",
            **FAULTS[number % len(FAULTS)],
        }
        for number in range(count)
    ]
    target = {"target": {"options": ["--break", broken]}} if broken else {}
    load = [{"name": "steady", "sustain": {"users": users, "for": f"{round(minutes * 60)}s"}}]
    mix = {"light": 3, "heavy": 1, "websocket": 2}
    return {"name": "soak", **target, "mix": mix, "load": load, "faults": faults, "timeout": "5s", "seed": 7}


if __name__ == "__main__":
    sys.exit(main())
