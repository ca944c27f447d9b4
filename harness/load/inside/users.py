"""What Locust's users are made of: a session, one connection, a row for every exchange.

    on_start   the session is opened (its `initialize` is a call like any other)
    tasks      call(tool, **arguments), get(path, ...)
    on_stop    the session is closed

A lost session is opened again before the next call. A user cut off in mid-call leaves a row that says so:
`unfinished`, or `cancelled` when a person interrupted the run.
Every exchange also fires Locust's own `request` event, so its web UI and other listeners see all of it.
"""

import time
from typing import Any

import gevent
from locust import User, events
from locust.exception import StopUser

from harness.load.inside import context
from harness.load.inside.pacing import Pacing
from harness.load.inside.transport import Connection, Exchanged, WebSocketConnection
from harness.mcp import outcome
from harness.mcp.dialects import open_session
from harness.mcp.messages import Request
from harness.record.schema import NULL, NULL_CODE
