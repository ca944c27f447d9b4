"""Where a server's doors are, from the one address that was given.

A URL with a path is the MCP endpoint itself; without one it is /mcp, or /sse for HTTP+SSE. /health and /status stand at the root
of the same server, the WebSocket door below the endpoint. Load goes to this machine unless a host was allowed.
"""

import base64
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from harness.errors import UsageError

PLAIN_DOOR = "/mcp/tools/call"  # of the reference server, and of those like it


@dataclass(frozen=True, slots=True)
class Doors:
    """The URLs of one server, without credentials."""

    base_url: str
    mcp_url: str
    ws_url: str


def doors(url: str, protocol: str = "auto") -> Doors:
    """The doors of the server at `url`; UsageError when it is not a URL of one."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        bad = parts.scheme not in {"http", "https", "ws", "wss"} or not parts.hostname or parts.port == 0
    except ValueError:
        bad = True
    if bad:
        raise UsageError(
            f"{url!r} is not the URL of a server", "", "Give something like http://127.0.0.1:8000/mcp"
        )
    secure = "s" if parts.scheme in {"https", "wss"} else ""
    origin = parts.netloc.rpartition("@")[2]
    base_url = f"http{secure}://{origin}"
    path = parts.path.rstrip("/")
    query = f"?{parts.query}" if parts.query else ""
    websocket = f"ws{secure}://{origin}"
    if parts.scheme in {"ws", "wss"} or protocol == "websocket":
        return Doors(base_url, f"{base_url}{path}{query}", f"{websocket}{path or '/mcp/ws'}{query}")
    endpoint = path or ("/sse" if protocol == "sse" else "/mcp")
    beside = endpoint.removesuffix(PLAIN_DOOR.removeprefix("/mcp"))
    return Doors(base_url, f"{base_url}{endpoint}{query}", f"{websocket}{beside}/ws")


def credentials(url: str) -> dict[str, str]:
    """User and password of a URL as the header that carries them."""
    name_and_password, at, _ = urlsplit(url).netloc.rpartition("@")
    if not at:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(unquote(name_and_password).encode()).decode()}


def is_loopback(host: str) -> bool:
    """Whether every address of a host is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


def check_allowed(url: str, allowed_hosts: Iterable[str]) -> None:
    """Load goes to loopback only, unless the host was allowed by name."""
    host = urlsplit(url).hostname or ""
    if host in set(allowed_hosts) or is_loopback(host):
        return
    raise UsageError(
        f"{host} is not this machine",
        "Load and faults go to loopback addresses only, unless a host is allowed by name",
        f"If the server is yours to load: --allow-host {host}, or allowed_hosts in the scenario",
    )
