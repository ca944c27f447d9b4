"""`harness serve` without its command line: the service on a port, until it is asked to stop.

Exactly one line goes to standard output, when the service answers:

    harness target ready on http://127.0.0.1:PORT

SIGTERM and SIGINT end it: no new connections, calls in flight get `drain_s`, then exit 0. A second one does not
hurry it, since the drain is bounded anyway.
"""

import asyncio
import errno
import signal
import socket
import sys

import uvicorn

from harness.errors import PASSED, UsageError
from harness.target.app import build
from harness.target.doors.wire import BODY_BYTES_MAX
from harness.target.settings import Settings


def run(settings: Settings) -> int:
    """Serve until a signal says stop; the exit code. What cannot be started raises a HarnessError."""
    with _bound(settings) as listener:
        asyncio.run(_serve(settings, listener))
    return PASSED


def _bound(settings: Settings) -> socket.socket:
    """The listening address, taken before anything slow begins, so that a busy port is known at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # Naming TCP matters: asyncio sets TCP_NODELAY only on sockets that say so, and without it every answer
    # (its head and its body are two writes) waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise _not_bound(settings, error) from error
    return listener


def _not_bound(settings: Settings, error: OSError) -> UsageError:
    where = f"{settings.host}:{settings.port}"
    if error.errno == errno.EADDRINUSE:
        return UsageError(
            f"Port {settings.port} is taken.",
            f"Another program listens on {where}.",
            "Stop it, or give another --port; 0 takes a free one.",
        )
    return UsageError(f"Cannot listen on {where}.", str(error), "Give another --host or --port.")


async def _serve(settings: Settings, listener: socket.socket) -> None:
    app = build(settings)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="off",  # opened here instead: uvicorn would turn our errors into a traceback
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=BODY_BYTES_MAX,
            ws_per_message_deflate=False,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=max(1, round(settings.drain_s)),
        )
    )

    def stop(_signal: int, _frame: object) -> None:
        server.should_exit = True

    # uvicorn handles them too while it serves, and raises them again afterwards: these make that harmless,
    # and a signal that comes during the start is not lost.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    async with app.running():
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await _announce(server, serving, listener)
        try:
            await serving
        except OSError as error:
            raise _not_bound(settings, error) from error


async def _announce(server: uvicorn.Server, serving: "asyncio.Task[None]", listener: socket.socket) -> None:
    """Say where, once it answers. uvicorn tells by a flag only; it sets it, or its task ends."""
    host, port = listener.getsockname()[:2]
    while not serving.done():
        if server.started:
            shown = f"[{host}]" if ":" in host else host
            sys.stdout.write(f"harness target ready on http://{shown}:{port}\n")
            sys.stdout.flush()
            return
        await asyncio.sleep(0.005)
