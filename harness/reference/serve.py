"""`harness serve` without its command line: the service on a port, until it is asked to stop.

Exactly one line goes to standard output, when the service answers:

    harness target ready on http://127.0.0.1:PORT

or, with --worker, `harness worker ready`.

With --auth on a schema without an admin one is made, and its key goes to standard error, this once.

SIGTERM and SIGINT end it: no new connections, calls in flight get `drain_s`, then exit 0. A second one does not
hurry it, since the drain is bounded anyway.
"""

import asyncio
import contextlib
import errno
import functools
import logging
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator

import uvicorn

from harness.foundation.clock import within
from harness.foundation.errors import PASSED, UsageError
from harness.reference import databases
from harness.reference.app import ReferenceServer, build
from harness.reference.connection import Connection
from harness.reference.doors.wire import BODY_BYTES_MAX
from harness.reference.events import Events
from harness.reference.keys import FIRST_KEY
from harness.reference.settings import Settings
from harness.reference.tasks.running import opened as opened_tasks


def run(settings: Settings) -> int:
    """Serve until a signal; return the exit code. Raise a HarnessError if the service cannot start."""
    asyncio.run(_run(settings))
    return PASSED


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)  # also during the start: then it stops as soon as it is up
    async with (working if settings.worker else serving)(settings) as url:
        sys.stdout.write(f"harness target ready on {url}\n" if url else "harness worker ready\n")
        sys.stdout.flush()
        await stop.wait()


@contextlib.asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[str]:
    """Do tasks in this event loop while the body runs; yield "", since there are no doors and no URL."""
    events = Events(settings)
    async with databases.opened(settings) as opened, opened_tasks(settings, opened, events), events.running():
        yield ""


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[str]:
    """Run the service in this event loop.

    Yield its URL once it answers; it has ended when the context ends.
    """
    with _bound(settings) as listener:
        url = _url(listener)
        app = build(settings)
        server = _server(app, settings)
        async with app.running():
            task = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await _started(server, task, settings)
                if app.first_key is not None:
                    sys.stderr.write(f"{FIRST_KEY}{app.first_key}\n")
                    sys.stderr.flush()
                yield url
            finally:
                await _stopped(app, server, settings)
                await asyncio.wait([task])  # bounded by the drain; its failure at the start was told above


async def _stopped(app: ReferenceServer, server: uvicorn.Server, settings: Settings) -> None:
    """Stop WebSockets first, as uvicorn would close them with calls unanswered.

    All have `drain_s` together.
    """
    deadline_s = time.monotonic() + settings.drain_s
    with contextlib.suppress(TimeoutError):
        async with within(settings.drain_s):
            await app.stop()
    server.config.timeout_graceful_shutdown = max(1, round(deadline_s - time.monotonic()))
    server.should_exit = True


def _server(app: ReferenceServer, settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        lifespan="off",  # opened by us instead: uvicorn would turn our errors into a traceback
        http=functools.partial(Connection, told=app.refused),  # type: ignore[arg-type]  # as good as a class
        ws="websockets-sansio",
        ws_max_size=BODY_BYTES_MAX,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        server_header=False,
        # uvicorn would believe what anybody on this machine says of its address
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
    )
    logging.getLogger("uvicorn.error").addFilter(_is_true)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]  # signals are run's business
    return server


def _is_true(record: logging.LogRecord) -> bool:
    """Drop uvicorn's wrong message that a WebSocket refused with 401 or 404 was not answered."""
    return record.msg != "ASGI callable returned without completing handshake."


async def _started(server: uvicorn.Server, task: "asyncio.Task[None]", settings: Settings) -> None:
    """Wait until uvicorn has started, which it shows by a flag only; raise if its task ends."""
    while not server.started and not task.done():  # noqa: ASYNC110  there is no event to wait for
        await asyncio.sleep(0.005)
    if task.done():
        error = task.exception()
        raise (
            _not_bound(settings, error) if isinstance(error, OSError) else RuntimeError("uvicorn ended")
        ) from error


def _bound(settings: Settings) -> socket.socket:
    """Return a bound socket, before anything slow begins, so that a taken port is noticed at once."""
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


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
