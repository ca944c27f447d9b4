"""What a client and a proxy say to each other before the connection leads to the server (CONNECT), without I/O."""

import base64
from typing import Final
from urllib.parse import unquote

from harness.foundation.addresses.route import Proxy

HEAD_BYTES_MAX: Final = 16_384
END: Final = b"\r\n\r\n"


def request(proxy: Proxy, host: str, port: int) -> bytes:
    """What asks a proxy for a tunnel to a server."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [
        f"CONNECT {place} HTTP/1.1",
        f"Host: {place}",
        *(f"{name}: {value}" for name, value in login(proxy)),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def login(proxy: Proxy) -> tuple[tuple[str, str], ...]:
    """The header by which we log in at a proxy; () where it has no user."""
    if not proxy.user:
        return ()
    return (("Proxy-Authorization", f"Basic {base64.b64encode(unquote(proxy.user).encode()).decode()}"),)


def check(head: bytes) -> None:
    """Raise OSError for the answer of a proxy that refuses a tunnel."""
    version, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    if version.startswith("HTTP/1.") and rest[:1] == "2":
        return
    raise OSError(0, f"the proxy answers {rest[:100] or 'something that is not HTTP'}")
