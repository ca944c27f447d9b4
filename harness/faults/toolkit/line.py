"""The connection from an experiment to the run that makes its load: one JSON object each way, over loopback.

    {"ask": "apply", "fault": "latency:latency=200ms"}      ->  {"verified": true, "why": "", ...}
    {"ask": "nonsense"}                                     ->  {"error": "there is no nonsense"}

`HARNESS_STEERING` holds PORT:KEY. Only requests with the key are answered; it is on no command line.
"""

import json
import os
import socket
from collections.abc import Mapping
from typing import Any

from chaoslib.exceptions import ActivityFailed

from harness.foundation.untrusted import nesting
from harness.scenario.experiment import STEERING

LIMIT_S = 120.0  # a fault takes its time to be verified, and more to be healed when its backend hangs
READ = 65536
ANSWER_MOST = 1_000_000
ENDED = b'{"error": "the run that makes the load has ended"}'


def ask(what: str, **given: Any) -> Mapping[str, Any]:
    """Ask the run; return its answer. Raises ActivityFailed when there is none, or it is an error."""
    where = os.environ.get(STEERING)
    if not where:
        raise ActivityFailed(
            "No run of the harness makes load for this experiment. Run it with `harness chaos FILE`, "
            "or name the control harness.faults.toolkit.control in it"
        )
    return answer(where, {"ask": what, **given})


def answer(where: str, question: Mapping[str, Any], limit_s: float = LIMIT_S) -> Mapping[str, Any]:
    """Send one question to `where`, and return the answer."""
    port, _, key = where.partition(":")
    try:
        with socket.create_connection(("127.0.0.1", int(port)), limit_s) as line:
            line.sendall(json.dumps({"key": key, **question}).encode() + b"\n")
            reply = nesting.value(_heard(line) or ENDED, ANSWER_MOST)
    except (OSError, ValueError) as error:
        raise ActivityFailed(f"The run that makes the load does not answer: {error}") from error
    if not isinstance(reply, dict) or "error" in reply:
        raise ActivityFailed(str(reply["error"]) if isinstance(reply, dict) else "the answer is no object")
    return reply


def _heard(line: socket.socket) -> bytes:
    """Read one line, or a little more than the largest that is allowed."""
    received = b""
    while not received.endswith(b"\n") and len(received) <= ANSWER_MOST and (piece := line.recv(READ)):
        received += piece
    return received
