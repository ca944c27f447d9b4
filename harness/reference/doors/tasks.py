"""/tasks: work that is submitted now and done later. For clients with the permission basic.

    POST /tasks        {"kind": …, "arguments": {…}}: 202 with the task's id, once it is on disk
    GET  /tasks        how many there are, by status
    GET  /tasks/{id}   the task with its history; to the client that submitted it, and to admins

A task belongs to the session in the header Mcp-Session-Id, else to the client of the key. The owner is
notified when it is finished, if it has a WebSocket open.
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.reference import ids
from harness.reference.caller import ADMIN, BASIC, Caller, current, within
from harness.reference.doors.pages import answering, json_body, page
from harness.reference.sessions import SessionUpkeep, StoreUnreachableError
from harness.reference.tasks.kinds import checked
from harness.reference.tasks.running import TaskParts
from harness.reference.tasks.task import BadTaskError, TasksUnreachableError

_STATUSES: Final[Mapping[type[Exception], int]] = {
    BadTaskError: 400,
    TasksUnreachableError: 503,
    StoreUnreachableError: 503,
}


def routes(parts: TaskParts, sessions: SessionUpkeep) -> list[Route]:
    """Return the routes of these pages."""

    async def submit(request: Request) -> Response:
        current().must(BASIC)
        body = await json_body(request)
        kind, arguments = checked(body.get("kind"), body.get("arguments", {}))
        caller = await _submitter(request.headers.get("mcp-session-id"), sessions)
        if caller is None:
            return page({"error": "There is no such session."}, 404)
        task = await parts.tasks.submit(kind, arguments, caller.key)
        await parts.queue.publish(task)
        return page({"id": task, "status": "pending"}, 202, {"location": f"/tasks/{task}"})

    async def counts(_request: Request) -> Response:
        return page({"tasks": await parts.tasks.counts()})

    async def one(request: Request) -> Response:
        named = request.path_params["id"]
        task = await parts.tasks.find(named) if ids.can_be(named) else None
        caller = current()
        if task is None or not (caller.may(ADMIN) or task.owner == caller.key):
            return page({"error": "There is no such task."}, 404)
        return page(task)

    return [
        Route("/tasks", answering(submit, _STATUSES), methods=["POST"]),
        Route("/tasks", answering(counts, _STATUSES), methods=["GET"]),
        Route("/tasks/{id}", answering(one, _STATUSES), methods=["GET"]),
    ]


async def _submitter(session_id: str | None, sessions: SessionUpkeep) -> Caller | None:
    """Return the task's owner; None when it names a session that does not exist, or is another client's."""
    if session_id is None:
        return current()
    session = await sessions.find(session_id) if ids.can_be(session_id) else None
    return within(session_id) if session and session.client.owner == current().client else None
