"""HTTP+SSE that opens a session as it should, and turns on its client at a call of a tool.

    opened_stream(play)    an act for both sides of it: GET is the stream, POST is what is said to its endpoint

The endpoint is the path of the stream with its number: a POST finds the stream whose thread answers it.
"""

import itertools
import json
import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.wire import Wire

QUIET_S = 30.0
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
Message = dict[str, Any]
Act = Callable[[Wire], object]
_numbers = itertools.count(1)


@dataclass
class Stream:
    """One that is open: what was posted to it."""

    posted: "queue.Queue[Message]" = field(default_factory=queue.Queue)


_open: dict[str, Stream] = {}


def opened(message: Message) -> Message:
    """The right answer to what opens a session."""
    answers: dict[object, object] = {
        "initialize": {"protocolVersion": "2025-11-25", "serverInfo": {"name": "hostile", "version": "1"}},
        "tools/list": {"tools": [{"name": "x", "inputSchema": {"type": "object"}}]},
    }
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": answers.get(message.get("method"), {})}


def opened_stream(play: Act, *, at: str = "tools/call", posts: Act | None = None) -> Act:
    """Answers as it should, until it is asked for `at`; `posts` is what is then done to the POST, not to the stream."""

    def act(wire: Wire) -> None:
        method, path, _ = wire.head.split(b" ", 2)
        if method == b"GET":
            _stream(wire, path.decode(), play, at)
        else:
            _post(wire, path.decode(), at, posts)

    return act


def _stream(wire: Wire, path: str, play: Act, at: str) -> None:
    number, stream = str(next(_numbers)), Stream()
    _open[number] = stream
    try:
        wire.send(f"{HEAD}event: endpoint\ndata: {path}/{number}\n\n")
        while True:
            message = stream.posted.get(timeout=QUIET_S)
            if message.get("method") == at:
                wire.id = message.get("id")
                play(wire)
            elif "id" in message:
                wire.send(f"data: {json.dumps(opened(message))}\n\n")
    except queue.Empty:
        wire.close()
    finally:
        del _open[number]


def _post(wire: Wire, path: str, at: str, posts: Act | None) -> None:
    stream = _open.get(path.rpartition("/")[2])
    message = json.loads(wire.body or b"{}")
    if stream is None:
        wire.whole("", "404 Not Found", "")
    elif posts is not None and message.get("method") == at:
        posts(wire)
    else:
        wire.whole("", "202 Accepted", "")
        stream.posted.put(message)
