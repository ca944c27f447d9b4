"""A connection to the server for what speaks on it itself: directly, at a Unix socket, or through a proxy's tunnel.

The route that is in force (`foundation.addresses.route`) says which; certificates are checked by the server's name.
"""

import asyncio
import errno
import ssl
from urllib.parse import urlsplit

from harness.foundation.addresses import resolved, route, tunnel, unix_socket

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connection(url: str, context: ssl.SSLContext | None = None) -> Streams:
    """Connect to the server of this URL; OSError when that fails. Many connections share a `context`: each costs a tenth of a second."""
    if there := unix_socket.path(url):
        return await asyncio.open_unix_connection(there)
    parts = urlsplit(url)
    is_secure = parts.scheme in route.SECURE
    host, port = parts.hostname or "", parts.port or (443 if is_secure else 80)
    by = route.current()
    secure = (context or by.tls.context()) if is_secure else None
    if by.proxy is None:
        return await resolved.connection(host, port, secure)
    reader, writer = await resolved.connection(by.proxy.host, by.proxy.port)
    try:
        writer.write(tunnel.request(by.proxy, host, port))
        tunnel.check(await reader.readuntil(tunnel.END))
        if secure is not None:
            await writer.start_tls(secure, server_hostname=host)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.close()
        raise ConnectionResetError(errno.ECONNRESET, "the proxy ended the connection") from None
    except BaseException:
        writer.close()
        raise
    return reader, writer
