"""Ten thousand sessions, and sixteen thousand streams, held by two processes of `harness sessions`, and each used once at the end.

The sessions are those of 2025-11-25; the streams those of `subscriptions/listen` in 2026-07-28, each on a connection of its own.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from echo_target import Target, echo_target
from figures import Figure, Table
from idle_sessions import allow_files

PROCESSES = 2
FILES_BESIDE = 400
A_SECOND = 200  # one process may take longer to open all of them than the other
AIM_KB = 40.0
HELD = {
    "sessions": (200, ("--hold", "session", "--protocol", "2025-11-25")),
    "streams": (320, ("--hold", "stream", "--protocol", "2026-07-28")),
}
COLUMNS = (
    "held",
    "process",
    "open",
    "answer",
    "harness, KB each",
    "server, KB each",
    "opened in, s",
    "p95, ms",
)


def held(_rounds: int, seconds: float, users: int) -> Table:
    """Sessions, and streams, held open by two processes."""
    allowed, figures, rows = allow_files(), [], []
    for name, (times, flags) in HELD.items():
        each = users * times // PROCESSES
        if allowed < PROCESSES * each + FILES_BESIDE:  # the server has all of them
            return Table(
                figures, COLUMNS, rows, note=f"{allowed:,} open files are allowed (ulimit -n), too few."
            )
        with echo_target() as target:
            with tempfile.TemporaryDirectory() as place:
                told = _told(target, each, seconds, (*flags, "--out", place))
            with urllib.request.urlopen(f"http://127.0.0.1:{target.port}/most", timeout=10) as reply:
                most = int(reply.read())
        rows += [_row(name, number, one) for number, one in enumerate(told, 1)]
        alive = sum(one["alive"]["answer"] for one in told)
        figures += [
            Figure("held", f"{name} open", sum(one["open"] for one in told), "", at_least=PROCESSES * each),
            Figure("held", f"{name} alive at the end", alive, "", at_least=PROCESSES * each),
            Figure("held", f"memory of one of the {name}", max(map(_own_kb, told)), "KB", at_most=AIM_KB),
        ]
        if name == "streams":
            figures.append(Figure("held", "streams at the same time", most, "", at_least=PROCESSES * each))
    return Table(figures, COLUMNS, rows)


def _told(target: Target, each: int, seconds: float, flags: tuple[str, ...]) -> list[dict[str, Any]]:
    """What two commands say that hold so many each, at the same time."""
    command = [
        *(
            sys.executable,
            "-m",
            "harness",
            "sessions",
            "--url",
            f"http://127.0.0.1:{target.port}/held",
            "--json",
        ),
        *(
            "--max",
            str(each),
            "--for",
            f"{seconds + each / A_SECOND:g}s",
            "--after",
            "1s",
            "--timeout",
            "30s",
            *flags,
        ),
    ]
    processes = [
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        for _ in range(PROCESSES)
    ]
    return [json.loads(process.communicate()[0]) for process in processes]


def _own_kb(told: dict[str, Any]) -> float:
    return float(told["generator"]["memory_a_session"] or 0.0) / 1000


def _row(name: str, number: int, told: dict[str, Any]) -> tuple[str, ...]:
    server = next((one["per_session"] / 1000 for one in told["takes"] if one["of"] == "memory"), 0.0)
    return (
        name,
        str(number),
        f"{told['open']:,}",
        f"{told['alive']['answer']:,}",
        f"{_own_kb(told):.1f}",
        f"{server:.1f}",
        f"{told['opening_s']:.1f}",
        f"{told['time_to_open_ms']['p95']:.1f}",
    )
