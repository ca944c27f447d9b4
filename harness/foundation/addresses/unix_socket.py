"""The address of a server at a Unix socket: its path takes the place of host and port, with its slashes as %2F.

    address("/run/mcp.sock", "/mcp")                 "http+unix://%2Frun%2Fmcp.sock/mcp"
    path("http+unix://%2Frun%2Fmcp.sock/mcp")        "/run/mcp.sock"
    plain("http+unix://%2Frun%2Fmcp.sock/mcp")       "http://localhost/mcp", which is what the server sees

It is on this machine, whatever its name.
"""

from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from harness.foundation.addresses.address import AddressError

SCHEMES: Final = ("http+unix", "ws+unix")
HOST: Final = "localhost"
PATH_BYTES_MOST: Final = 107  # of the kernel


def path(url: str) -> str:
    """The path of the socket; "" for any other address."""
    return unquote(urlsplit(url).netloc) if url.startswith(SCHEMES) else ""


def address(socket_path: str, door: str = "", scheme: str = "http+unix") -> str:
    """The address of what is at a socket."""
    return f"{scheme}://{quote(socket_path, safe='')}{door}"


def plain(url: str) -> str:
    """The address as the server sees it; any other address as it is."""
    if not url.startswith(SCHEMES):
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.removesuffix("+unix"), netloc=HOST))


def check(url: str) -> None:
    """Raise AddressError if this is the address of a socket that cannot be used."""
    if not url.startswith(SCHEMES):
        return
    there = path(url)
    if not there.startswith("/"):
        raise AddressError(
            "the path of a socket begins with /, and its slashes are written as %2F: http+unix://%2Frun%2Fmcp.sock/mcp"
        )
    if len(there.encode()) > PATH_BYTES_MOST:
        raise AddressError(f"the path of a socket has at most {PATH_BYTES_MOST} bytes")
