"""The fixture for applications of one's own: built twice on one database, real HTTP, no second process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.outcomes import Failed
from mcp.server import MCPServer

from harness.verify import inprocess
from harness.verify.inprocess import CameTo
from harness.verify.spec.model import Spec, ToolCall
from tests.fakes.asgi_shop import HANDSHAKE, Shop

deployed_twice = inprocess.deployed_twice  # as users have it of the plug-in
ID = {"id": "{{unique}}"}
WRITES = Spec(write=ToolCall("put", ID), read=ToolCall("get", ID), remove=ToolCall("drop", ID))
Twice = Callable[..., CameTo]


def test_sessions_and_writes_of_an_application_with_a_database_survive(
    deployed_twice: Twice, tmp_path: Path
) -> None:
    """In every version that has sessions; what was ended stays so."""
    built: list[Shop] = []

    def build() -> Shop:
        built.append(Shop(tmp_path / "shop.db"))
        return built[-1]

    came_to = deployed_twice(build, spec=WRITES)

    assert len(built) == 2
    assert came_to == CameTo(HANDSHAKE, {}, {}, ended_stays_ended=True, missing_writes=())


def test_sessions_and_writes_in_the_memory_of_an_application_are_lost(
    deployed_twice: Twice, tmp_path: Path
) -> None:
    """And said to be, each with what came instead; new ones can be opened."""
    came_to = deployed_twice(lambda: Shop(tmp_path, in_memory=True), spec=WRITES)

    assert set(came_to.lost) == set(HANDSHAKE)
    assert all("session_lost (HTTP 404" in why for why in came_to.lost.values())
    assert came_to.reopened == {}
    assert len(came_to.missing_writes) == 5


def test_an_application_of_the_sdk_keeps_its_sessions_in_memory(deployed_twice: Twice) -> None:
    """With its lifespan; so does one of the official SDK as it comes."""
    came_to = deployed_twice(lambda: MCPServer("tiny").streamable_http_app())

    assert set(came_to.lost) == set(came_to.sessions) != set()


def test_what_has_no_session_or_does_not_start_proves_nothing(deployed_twice: Twice) -> None:
    """A failure, not a pass."""

    async def nothing(scope, receive, send):
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def broken(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(Failed, match="this proves nothing"):
        deployed_twice(lambda: nothing)
    with pytest.raises(Failed, match="did not start"):
        deployed_twice(lambda: broken)
