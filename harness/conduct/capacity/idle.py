"""Who cuts what is left alone? Streams and connections are opened, left without a word, and watched, all at the same time.

stream          the stream beside the calls (GET), or that of subscriptions/listen in 2026-07-28: nothing is sent
stream-pinged   the same, while its session is pinged every `PING_S`
connection      a connection on which one call was made, kept open as a client with a pool does
session         nothing is open; after the time its session is used again

A stream that is cut was used by somebody: afterwards its session is tried, and the stream opened once more, resumed where
the server gave its events numbers. A connection that is cut costs a client nothing but a new one.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal

from harness.client.http import HttpClient, http_client
from harness.conduct.capacity import causes
from harness.conduct.capacity.door import Door
from harness.conduct.capacity.held_connection import HeldConnection, exchanged, seconds
from harness.conduct.capacity.held_session import listening
from harness.conduct.capacity.open_connection import OpenConnection
from harness.foundation.clock import Clock
from harness.foundation.errors import FAILED, PASSED, UNKNOWN
from harness.mcp import outcome
from harness.mcp.dialects import Session, new_session
from harness.mcp.messages import Reply, Request
from harness.mcp.traits import Traits

PING_S: Final = 20.0
GRACE_S: Final = 2.0  # how long the end of a time is waited for
KINDS: Final = ("stream", "stream-pinged", "connection", "session")
NO_STREAM: Final = frozenset({404, 405, 501})
METHOD_NOT_FOUND: Final = -32601
EVENTS: Final = b"text/event-stream"
Word = Literal["held", "cut", "not_there", "unknown"]


@dataclass(frozen=True, slots=True)
class Held:
    """What became of one that was left alone for so long."""

    kind: str
    for_s: float
    word: Word
    lasted_s: float = 0.0
    idle_s: float = 0.0  # since the last byte came
    how: str = ""  # FIN or RST
    server_sent: int = 0  # pieces that came meanwhile: a server's own pings
    cause: str = ""
    session: str = ""  # "" when it still answers, else how it does not
    again: str = ""  # of a stream: "" when it could be opened again
    why: str = ""

    @property
    def harmful(self) -> bool:
        """Whether a client loses something: a stream before its time, or its session."""
        return bool(self.session) or (self.word == "cut" and self.kind.startswith("stream"))


def exit_code(held: list[Held]) -> int:
    """1 when a client loses something, 3 when something is unknown."""
    if any(one.harmful for one in held):
        return FAILED
    return UNKNOWN if any(one.word == "unknown" for one in held) else PASSED


async def idle(
    door: Door,
    lengths_s: list[float],
    clock: Clock,
    note: Callable[[Held], None],
    kinds: tuple[str, ...] = KINDS,
) -> list[Held]:
    """Leave everything alone for all these times, at once; `note` is told of each as it ends."""

    async def one(kind: str, for_s: float) -> Held:
        held = await _one(door, kind, for_s, clock)
        note(held)
        return held

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(kind, for_s)) for kind in kinds for for_s in lengths_s]
    return [task.result() for task in tasks]


async def _one(door: Door, kind: str, for_s: float, clock: Clock) -> Held:
    async with http_client(door.url, door.timeout_s, door.headers) as http:
        session = new_session(door.found.protocol, Traits({}, door.found.mirrored))
        opened = await http.run(session.opening())
        if opened is not None and opened.outcome != outcome.OK:
            return Held(kind, for_s, "unknown", why=f"no session could be opened: {_said(opened)}")
        try:
            return await _left_alone(door, kind, for_s, clock, http, session)
        finally:
            with suppress(TimeoutError):
                await http.run(session.closing())


async def _left_alone(
    door: Door, kind: str, for_s: float, clock: Clock, http: HttpClient, session: Session
) -> Held:
    if kind == "session":
        await clock.sleep(for_s)
        return Held(kind, for_s, "held", for_s, for_s, session=await _answers(http, session))
    stream = kind.startswith("stream")
    request = listening(session) if stream else session.request("tools/list", {})
    if stream and (refused := await _refused(door, session)) is not None:
        if refused.status in NO_STREAM or refused.code == METHOD_NOT_FOUND:
            said = refused.code or refused.status
            return Held(kind, for_s, "not_there", why=f"the server has no such stream ({said})")
        return Held(kind, for_s, "unknown", why=_said(refused))
    try:
        connection = await exchanged(door.url, door.headers, request, clock, door.timeout_s, whole=not stream)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        return Held(kind, for_s, "unknown", why=str(error) or type(error).__name__)
    if connection.status != 200 or (stream and EVENTS not in connection.head.lower()):
        connection.close()
        refusal = " with a refusal inside it" if connection.status == 200 else ""
        return Held(kind, for_s, "unknown", why=f"the server answered {connection.status}{refusal}")
    pinging = asyncio.ensure_future(_ping(http, session, clock)) if kind == "stream-pinged" else None
    try:
        return await _watched(door, kind, for_s, clock, http, session, connection, request)
    finally:
        connection.close()
        if pinging is not None:
            pinging.cancel()
            await asyncio.wait({pinging})


async def _watched(
    door: Door,
    kind: str,
    for_s: float,
    clock: Clock,
    http: HttpClient,
    session: Session,
    connection: HeldConnection,
    request: Request,
) -> Held:
    began_ns = clock.now_ns()
    how = await connection.until_end(for_s)
    ended_ns = clock.now_ns()
    usual = causes.STREAMS if kind.startswith("stream") else causes.CONNECTIONS
    idle_s = seconds(ended_ns, connection.last_ns)
    held = Held(
        kind,
        for_s,
        "held",
        lasted_s=seconds(ended_ns, began_ns),
        idle_s=idle_s,
        server_sent=connection.pieces,
        session=await _answers(http, session),
    )
    if how is None:
        return held
    again = await _opens_again(door, clock, request) if kind.startswith("stream") else ""
    return replace(held, word="cut", how=how, cause=causes.cause(idle_s, usual), again=again)


async def _refused(door: Door, session: Session) -> Reply | None:
    """Open such a stream once, and close it: why the server refuses it, also inside 200; None when it does not."""
    connection = OpenConnection(door.url, door.headers)
    reply = await connection.open_stream(listening(session), door.timeout_s)
    connection.close()
    return None if reply.outcome == outcome.OK else reply


async def _ping(http: HttpClient, session: Session, clock: Clock) -> None:
    while True:
        await clock.sleep(PING_S)
        await http.exchange(session.request("ping", {}))


async def _answers(http: HttpClient, session: Session) -> str:
    """How a session does not answer any more; "" when it does."""
    reply = await http.exchange(session.request("tools/list", {}))
    return "" if reply.outcome == outcome.OK else _said(reply)


async def _opens_again(door: Door, clock: Clock, request: Request) -> str:
    try:
        connection = await exchanged(door.url, door.headers, request, clock, door.timeout_s, whole=False)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
        return str(error) or type(error).__name__
    connection.close()
    return "" if connection.status == 200 else f"status {connection.status}"


def _said(reply: Reply) -> str:
    return f"{reply.outcome}: {reply.detail}" if reply.detail else reply.outcome
