"""The WebSockets that are open in this process, and their notifications.

    a task of theirs is finished     notifications/tasks/status, with the task's id and status
    their tools have changed         notifications/tools/list_changed (another permission, another list)
    their key is revoked             the socket is closed, 4401

Each goes only to the sockets of one key (`caller.Caller.key`: a session's, or with authentication all of a
client's). Beyond OUTBOX_MAX waiting messages a slow socket loses some: a notification only hints that there
is something to ask for.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from harness.reference.caller import Caller
from harness.reference.events import Event, Events
from harness.reference.json_object import JsonObject

OUTBOX_MAX: Final = 100
REVOKED: Final = 4401
_DONE: Final = frozenset({"completed", "failed"})


@dataclass(slots=True, eq=False)
class Socket:
    """An open WebSocket: its present caller, and the messages to send."""

    caller: Caller
    outbox: "asyncio.Queue[JsonObject]" = field(default_factory=lambda: asyncio.Queue(OUTBOX_MAX))

    def notify(self, method: str, params: JsonObject) -> None:
        text = msgspec.json.encode({"jsonrpc": "2.0", "method": method, "params": params}).decode()
        self._put({"type": "websocket.send", "text": text})

    def end(self, code: int, why: str) -> None:
        self._put({"type": "websocket.close", "code": code, "reason": why})

    def _put(self, message: JsonObject) -> None:
        if not self.outbox.full():
            self.outbox.put_nowait(message)


class Sockets:
    """The open WebSockets; see the module."""

    def __init__(self, events: Events) -> None:
        self._open: set[Socket] = set()
        events.on("task", self._task)
        events.on("client", self._client)

    def add(self, socket: Socket) -> None:
        self._open.add(socket)

    def remove(self, socket: Socket) -> None:
        self._open.discard(socket)

    def _task(self, event: Event) -> None:
        if event.get("status") in _DONE:
            params = {"taskId": event["task"], "status": event["status"]}
            for socket in self._of(event["owner"]):
                socket.notify("notifications/tasks/status", params)

    def _client(self, event: Event) -> None:
        for socket in self._of(f"client:{event['client']}"):
            if event["permission"] is None:
                socket.end(REVOKED, "The key was revoked")
            else:
                socket.caller = replace(socket.caller, permission=event["permission"])
                socket.notify("notifications/tools/list_changed", {})

    def _of(self, key: str) -> list[Socket]:
        return [socket for socket in self._open if socket.caller.key == key]
