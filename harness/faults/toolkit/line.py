"""The line from an experiment to the run that makes its load: one JSON object there, one back, over a Unix socket.

    {"ask": "apply", "fault": "latency:latency=200ms"}      ->  {"verified": true, "why": "", ...}
    {"ask": "nonsense"}                                     ->  {"error": "there is no nonsense"}

`HARNESS_STEERING` says where the socket is. Only who may write to its directory can ask.
"""

import json
import os
import socket
from typing import Any

from chaoslib.exceptions import ActivityFailed

from harness.scenario.experiment import STEERING

LIMIT_S = 120.0  # a fault takes its time to be verified, and more to be healed when its backend hangs
READ = 65536


def ask(what: str, **given: Any) -> dict[str, Any]:
    """The answer; ActivityFailed when there is none, or it is an error."""
    path = os.environ.get(STEERING)
    if not path:
        raise ActivityFailed(
            "No run of the harness makes load for this experiment. Run it with `harness chaos FILE`, "
            "or name the control harness.faults.toolkit.control in it"
        )
    return answer(path, {"ask": what, **given})


def answer(path: str, question: dict[str, Any], limit_s: float = LIMIT_S) -> dict[str, Any]:
    """One question, one answer."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(limit_s)
            line.connect(path)
            line.sendall(json.dumps(question).encode() + b"\n")
            said = b""
            while not said.endswith(b"\n"):
                piece = line.recv(READ)
                if not piece:
                    break
                said += piece
    except OSError as error:
        raise ActivityFailed(f"The run that makes the load does not answer: {error}") from error
    found: dict[str, Any] = json.loads(said or b'{"error": "the run that makes the load has ended"}')
    if "error" in found:
        raise ActivityFailed(found["error"])
    return found
