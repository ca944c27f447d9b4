"""The server of a run: the reference target started for it, a command of the user's, or a URL; then asked who it is.

Whichever it is, a preflight comes first: the dialect is found, the server introduces itself, and the tools
that the users will call must be among those it has. Nothing is loaded before that.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from harness.client.preflight import Discovered, preflight
from harness.errors import UsageError
from harness.live.progress import Progress
from harness.load.address import Doors, check_allowed, doors
from harness.record import redact
from harness.record.rundir import RunDirectory
from harness.scenario.model import Scenario
from harness.services import postgres, target
from harness.services.usage import Usage

PREFLIGHT_S = 5.0
TOOLS_OF = {
    "light": ("list_databases", "list_views", "execute_query"),
    "heavy": ("execute_query",),
    "websocket": ("list_databases",),
}
PLAIN_DOOR = "/mcp/tools/call"


@dataclass(slots=True)
class Server:
    """A server that answered the preflight."""

    doors: Doors
    protocol: str
    found: Discovered
    managed: bool
    usage: "UsageMaxima"

    def facts(self) -> dict[str, Any]:
        """What metadata.json says of it."""
        named = self.found.server_name is not None
        return {
            "url": redact.url(self.doors.ws_url if self.protocol == "websocket" else self.doors.mcp_url),
            "transport": "websocket" if self.protocol == "websocket" else "http",
            "protocol": self.protocol,
            "server": {"name": self.found.server_name, "version": self.found.server_version} if named else None,
            "managed": self.managed,
            "cpu_max": self.usage.cpu_max,
            "rss_max_mb": self.usage.rss_max_mb,
        }


@dataclass(slots=True)
class UsageMaxima:
    """The most a process used over a run; nothing for a server that is not ours to see."""

    now: Callable[[], Usage] | None = None
    cpu_max: float | None = None
    rss_max_mb: float | None = None
    last: Usage | None = None

    def read(self) -> None:
        """Called about once a second."""
        if self.now is None:
            return
        usage = self.now()
        if self.last is not None and usage.at_s > self.last.at_s:
            cpu = (usage.cpu_s - self.last.cpu_s) / (usage.at_s - self.last.at_s)
            self.cpu_max = round(max(self.cpu_max or 0.0, cpu), 3)
        self.rss_max_mb = round(max(self.rss_max_mb or 0.0, usage.rss_bytes / 1e6), 1)
        self.last = usage
