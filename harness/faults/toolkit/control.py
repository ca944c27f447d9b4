"""A Chaos Toolkit control: load for an experiment that is run by `chaos run` alone.

    controls: [{name: load, provider: {type: python, module: harness.faults.toolkit.control}}]

Before the experiment it starts `harness chaos`, which starts the target, its links and users, and waits until they have
been steady for a while; after it the load is observed for a moment, ended and read. Under `harness chaos` there is
such a run already, and nothing is done. HARNESS_URL and the other HARNESS_* variables hold here, too.
"""

import json
import logging
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from chaoslib.exceptions import ActivityFailed, InterruptExecution

from harness.faults.toolkit.line import answer
from harness.scenario.experiment import STEERING

READY_S, READING_S = 180.0, 180.0
_logger = logging.getLogger("chaostoolkit")
_started: dict[str, Any] = {}


def before_experiment_control(context: Mapping[str, Any], **_: Any) -> None:
    """Start a run, unless one has started this."""
    if os.environ.get(STEERING):
        return
    reading, telling = os.pipe()
    command = [sys.executable, "-m", "harness", "chaos", "-", "--steered", str(telling)]
    # A session of its own: a Ctrl-C is for the experiment, which then ends this run in order.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, pass_fds=(telling,))
    os.close(telling)
    _started.update(process=process)
    try:
        _say(process, json.dumps(context))
        os.environ[STEERING] = _started["line"] = _hear(reading, process)
    except ActivityFailed as error:
        _end()
        raise InterruptExecution(f"There is no load for this experiment: {error}") from error
    finally:
        os.close(reading)


def after_experiment_control(state: Mapping[str, Any] | None = None, **_: Any) -> None:
    """End the run that was started here, and say how it ended."""
    if not _started:
        return
    journal = state or {}
    result = {"status": journal.get("status", "failed"), "deviated": bool(journal.get("deviated", False))}
    with suppress(ActivityFailed):  # it may have ended before; its exit code tells
        answer(_started["line"], {"ask": "end", **result})
    with suppress(subprocess.TimeoutExpired):
        code = _started["process"].wait(READING_S)
        _logger.info("The run that made the load ended with exit code %s", code)
    _end()


def _say(process: "subprocess.Popen[bytes]", experiment: str) -> None:
    """Send the experiment on one line; the pipe stays open while the experiment steers the run."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # its exit code will tell
        process.stdin.write(experiment.encode() + b"\n")
        process.stdin.flush()


def _hear(pipe: int, process: "subprocess.Popen[bytes]") -> str:
    """Return the address on which the run listens; it sends that when the load is steady."""
    if not select.select([pipe], [], [], READY_S)[0]:
        raise ActivityFailed(f"it was not steady within {READY_S:.0f} s")
    line = os.read(pipe, 4096).decode()
    if not line:
        raise ActivityFailed(f"harness chaos ended with exit code {process.wait(READING_S)}")
    return line


def _end() -> None:
    """End the run: closing the pipe tells it that the experiment has ended."""
    process: subprocess.Popen[bytes] = _started["process"]
    if process.stdin is not None:
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(READING_S)
    os.environ.pop(STEERING, None)
    _started.clear()
