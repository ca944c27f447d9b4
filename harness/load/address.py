"""The URLs of a server's endpoints, from the one address that the user gave.

A URL with a path is the MCP endpoint itself, with its query and a slash at its end (alone, that is the root); without one it is /mcp, or /sse for
HTTP+SSE. /health and /status stand at the root of the same server, the WebSocket endpoint below the MCP endpoint. A server at a
Unix socket has its path in the place of host and port (`foundation.addresses.unix_socket`). `harness.foundation.addresses` decides
whether a run may use them.
"""

import base64
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from harness.foundation.addresses import unix_socket
from harness.foundation.addresses.address import AddressError, read
from harness.foundation.addresses.judging import unreadable
from harness.mcp import stdio_address

PLAIN_DOOR = "/mcp/tools/call"  # of the reference server, and of those like it
EXAMPLE = "http://127.0.0.1:8000/mcp"


@dataclass(frozen=True, slots=True)
class Doors:
    """The URLs of one server's endpoints, without credentials."""

    base_url: str
    mcp_url: str
    ws_url: str


def doors(url: str, protocol: str = "auto") -> Doors:
    """Return the endpoints of the server at `url`; UsageError when that is not a valid URL.

    A stdio server has one address for everything.
    """
    if stdio_address.command(url):
        return Doors(url, url, url)
    try:
        unix_socket.check(url)
        address = read(unix_socket.plain(url), ("http", "https", "ws", "wss"), usual="http")
    except AddressError as error:
        raise unreadable("", url, str(error), EXAMPLE) from None
    secure = "s" if address.scheme in {"https", "wss"} else ""
    base_url, websocket = f"http{secure}://{address.origin}", f"ws{secure}://{address.origin}"
    if there := unix_socket.path(url):
        base_url, websocket = unix_socket.address(there), unix_socket.address(there, scheme="ws+unix")
    path = address.path
    query = f"?{address.query}" if address.query else ""
    if address.scheme in {"ws", "wss"} or protocol == "websocket":
        return Doors(base_url, f"{base_url}{path}{query}", f"{websocket}{path or '/mcp/ws'}{query}")
    endpoint = path or ("/sse" if protocol == "sse" else "/mcp")
    beside = endpoint.rstrip("/").removesuffix(PLAIN_DOOR.removeprefix("/mcp"))
    return Doors(base_url, f"{base_url}{endpoint}{query}", f"{websocket}{beside}/ws")


def credentials(url: str) -> dict[str, str]:
    """Return user and password of a URL as a header; {} when it has none."""
    if stdio_address.command(url) or unix_socket.path(url):
        return {}
    name_and_password, at, _ = urlsplit(url).netloc.rpartition("@")
    if not at:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(unquote(name_and_password).encode()).decode()}
