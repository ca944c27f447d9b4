"""Ten thousand WebSocket sessions that do nothing, in two processes of users, and then one call in each.

A session is open when its `initialize` has been answered; it is alive when the call at the end is.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from echo_target import echo_target
from figures import Figure, Table
from idle_sessions import allow_files

PROCESSES = 2
FILES_BESIDE = 200  # of a process: its own


def idle(_rounds: int, seconds: float, users: int) -> Table:
    """Idle WebSocket sessions, all of them alive at the end."""
    sessions = users * 200 // PROCESSES
    allowed = allow_files()
    if allowed < PROCESSES * sessions + FILES_BESIDE:  # the server has all of them
        return Table([], note=f"Left out: {allowed:,} open files are allowed (ulimit -n), too few.")
    command = [sys.executable, str(Path(__file__).with_name("idle_sessions.py"))]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with echo_target() as target:
        processes = [
            subprocess.Popen(
                [*command, str(target.port), str(sessions), str(seconds)],
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for _ in range(PROCESSES)
        ]
        told = [json.loads(process.communicate()[0]) for process in processes]
    alive = sum(one["alive"] for one in told)
    figures = [
        Figure("idle", "sessions open", sum(one["open"] for one in told), "", at_least=PROCESSES * sessions),
        Figure("idle", "alive at the end", alive, "", at_least=PROCESSES * sessions),
        Figure("idle", "memory a session", max(one["kb_a_user"] for one in told), "KB", at_most=40.0),
        Figure("idle", "processor while idle, a process", max(one["cpu"] for one in told) * 100, "%"),
    ]
    return Table(figures)
