"""For tests of an application of one's own: the same ASGI application built twice, one after the other, on one database; sessions must survive.

    def test_sessions_survive_a_deploy(deployed_twice):
        came_to = deployed_twice(lambda: build_app(database_url), path="/mcp")
        assert came_to.lost == {}

It is served by uvicorn in a thread of this process, on loopback: what is sent and received is real HTTP. What a module keeps for all applications survives here,
though no deploy would let it: `--deploy-simulation` with `target` in verify.yaml starts another process.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import uvicorn

from harness.mcp import outcome
from harness.mcp.messages import Reply
from harness.verify.deploying import Deployed, deployed
from harness.verify.doors import said
from harness.verify.finding import fail
from harness.verify.naming import named
from harness.verify.opening import opened
from harness.verify.settings import Settings
from harness.verify.spec.model import Spec
from harness.verify.target import CLOCK, Deploy
from harness.verify.writing import Writing

UP_S: Final = 30.0
Build = Callable[[], Any]  # an ASGI application, each time a new one


@dataclass(frozen=True, slots=True)
class CameTo:
    """What became of it: by version of the protocol, why a session did not survive, or could not be opened anew."""

    sessions: tuple[str, ...]
    lost: dict[str, str]
    reopened: dict[str, str]
    ended_stays_ended: bool
    missing_writes: tuple[str, ...]


@dataclass(slots=True)
class Serving:
    """One application after the other at the same address."""

    build: Build
    listener: socket.socket
    number: int = 0
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        """Where it is."""
        host, port = self.listener.getsockname()[:2]
        return f"http://{host}:{port}"

    def start(self) -> None:
        """A new one; connections that come in between wait."""
        config = uvicorn.Config(self.build(), log_config=None, access_log=False, timeout_graceful_shutdown=5)
        server = self._server = uvicorn.Server(config)
        sockets = [self.listener.dup()]
        self._thread = threading.Thread(target=_run, args=(server, sockets), daemon=True)
        self._thread.start()
        ends_ns = CLOCK.now_ns() + int(UP_S * 1e9)
        while not server.started:
            self._thread.join(0.01)
            if not self._thread.is_alive() or CLOCK.now_ns() > ends_ns:
                fail("the application did not start: its own log says why")
        self.number += 1

    def stop(self) -> None:
        """In good order: its lifespan ends, too."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(UP_S)

    async def replace(self) -> None:
        """Another one in its place."""
        self.stop()
        self.start()


def _run(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    with contextlib.suppress(SystemExit):  # of one that did not start
        server.run(sockets=sockets)


@contextlib.contextmanager
def serving(build: Build) -> Iterator[Serving]:
    """The first one, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Serving(build, listener)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture
def deployed_twice() -> Callable[..., CameTo]:
    """Build an ASGI application twice on one database: `deployed_twice(build, path="/mcp")` brings what became of sessions."""
    return twice


def twice(
    build: Build, path: str = "/mcp", spec: Spec | None = None, headers: dict[str, str] | None = None
) -> CameTo:
    """Sessions are opened in the first application, and asked for in the second; with a `spec` that writes and reads, writes too."""
    with serving(build) as server:
        settings = Settings(f"{server.origin}{path}", headers or {}, spec=spec or Spec(), allow_writes=True)
        with opened(settings) as target, contextlib.ExitStack() as stack:

            def register(remove: Callable[[], object]) -> None:
                stack.callback(remove)

            writing = Writing(target.spec, target, named, register) if target.spec.write else None
            deploy = Deploy(server.replace, lambda: f"application {server.number}")
            result = deployed(target, deploy, writing, None, CLOCK.now_ns)
    if not result.after:
        fail("the application gave out no session ID, so this proves nothing")
    return _came_to(result)


def _came_to(result: Deployed) -> CameTo:
    def wrong(replies: Mapping[str, Reply]) -> dict[str, str]:
        return {
            door: said(reply)
            for door, reply in replies.items()
            if reply.outcome not in {outcome.OK, outcome.RPC_ERROR}
        }

    return CameTo(
        sessions=tuple(result.after),
        lost=wrong(result.after),
        reopened=wrong(result.reopened),
        ended_stays_ended=result.ended is not None and result.ended.outcome == outcome.SESSION_LOST,
        missing_writes=result.missing,
    )
