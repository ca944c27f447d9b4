"""One deploy in the middle of everything: what is open and written before it, and what became of that after it.

    sessions opened on each door, a write acknowledged, one session ended  -->  the process is replaced  -->  each is asked again

The process must be another one afterwards, or nothing was proved.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.messages import Reply
from harness.verify.target import Target
from harness.verify.writing import Writing

WRITES = 5


@dataclass(frozen=True, slots=True)
class Deployed:
    """What came of it."""

    process_before: int
    process_after: int
    after: dict[str, Reply] = field(default_factory=dict)  # by door: its session, asked again
    reopened: dict[str, Reply] = field(default_factory=dict)  # by door: a new one
    ended: Reply | None = None  # a session that its client had ended before
    written: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    seconds: float = 0.0


def deployed(target: Target, writing: Writing | None, now_ns: Callable[[], int]) -> Deployed:
    """All of it, once."""
    deploy = target.deploy
    assert deploy is not None
    named = [door.name for door in target.doors() if door.session_id]
    sessions = {name: HandshakeSession(name) for name in named}
    for session in sessions.values():
        target.drive(session.opening())
    gone = HandshakeSession(named[0]) if named else None
    question = None
    if gone is not None:
        target.drive(gone.opening())
        question = gone.request("tools/list", {})
        target.drive(gone.closing())
    written = _written(target, writing)
    before, began_ns = deploy.process(), now_ns()
    target.run(deploy.replace())
    took_s = (now_ns() - began_ns) / 1e9
    after = {name: target.exchange(session.request("tools/list", {})) for name, session in sessions.items()}
    for session in sessions.values():
        target.drive(session.closing())
    return Deployed(
        process_before=before,
        process_after=deploy.process(),
        after=after,
        reopened={
            door.name: _opened_anew(target, door.name) for door in target.doors() if door.name != "plain"
        },
        ended=target.exchange(question) if question is not None else None,
        written=written,
        missing=_missing(target, writing, written),
        seconds=took_s,
    )


def _opened_anew(target: Target, door: str) -> Reply:
    with target.client(door) as client:
        return client.request("tools/list", {})


def _written(target: Target, writing: Writing | None) -> tuple[str, ...]:
    if writing is None:
        return ()
    with target.client() as client:
        return tuple(writing.write(client) for _ in range(WRITES))


def _missing(target: Target, writing: Writing | None, written: tuple[str, ...]) -> tuple[str, ...]:
    if writing is None or target.spec.read is None:
        return ()
    with target.client() as client:
        return tuple(name for name in written if not writing.is_read(client, name))
