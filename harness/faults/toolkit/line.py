"""The line from an experiment to the run that makes its load: one JSON object there, one back, over loopback.

    {"ask": "apply", "fault": "latency:latency=200ms"}      ->  {"verified": true, "why": "", ...}
    {"ask": "nonsense"}                                     ->  {"error": "there is no nonsense"}

`HARNESS_STEERING` says where: PORT:KEY. Only who knows the key, which no command line has, is answered.
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
    where = os.environ.get(STEERING)
    if not where:
        raise ActivityFailed(
            "No run of the harness makes load for this experiment. Run it with `harness chaos FILE`, "
            "or name the control harness.faults.toolkit.control in it"
        )
    return answer(where, {"ask": what, **given})


def answer(where: str, question: dict[str, Any], limit_s: float = LIMIT_S) -> dict[str, Any]:
    """One question, one answer."""
    port, _, key = where.partition(":")
    try:
        with socket.create_connection(("127.0.0.1", int(port)), limit_s) as line:
            line.sendall(json.dumps({"key": key, **question}).encode() + b"\n")
            said = b""
            while not said.endswith(b"\n"):
                piece = line.recv(READ)
                if not piece:
                    break
                said += piece
    except (OSError, ValueError) as error:
        raise ActivityFailed(f"The run that makes the load does not answer: {error}") from error
    found: dict[str, Any] = json.loads(said or b'{"error": "the run that makes the load has ended"}')
    if "error" in found:
        raise ActivityFailed(found["error"])
    return found
