"""One deploy in the middle of everything: what is open and written before it, and what became of that after it.

    sessions opened on each door, a write acknowledged, one session ended  -->  the process is replaced  -->  each is asked again

The process must be another one afterwards, or nothing was proved.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.mcp.dialects.handshake import HandshakeSession
from harness.mcp.messages import Reply
from harness.verify.backends.tasks import TaskRun, Tasks
from harness.verify.target import Deploy, Target
from harness.verify.writing import Writing

WRITES = 5


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deploy did to sessions, entries and a task; the process before and after it."""

    process_before: str | None  # None when nobody can say
    process_after: str | None
    after: dict[str, Reply] = field(default_factory=dict)  # by door: its session, asked again
    reopened: dict[str, Reply] = field(default_factory=dict)  # by door: a new one
    ended: Reply | None = None  # a session that its client had ended before
    written: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    seconds: float = 0.0
    task: TaskRun | None = None  # one that was accepted before it


def deployed(
    target: Target,
    deploy: Deploy,
    writing: Writing | None,
    tasks: Tasks | None,
    now_ns: Callable[[], int],
) -> Deployed:
    """All of it, once."""
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
    before = deploy.process()
    task = tasks.submit() if tasks is not None else None
    began_ns = now_ns()
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
        task=tasks.followed(task) if tasks is not None and task is not None else None,
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
