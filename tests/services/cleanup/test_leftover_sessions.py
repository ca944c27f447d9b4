"""Sessions that a verification left open are ended by their ids, which nobody can read in the file."""

import asyncio
from typing import Any

import pytest

from harness.services.cleanup import leftover_sessions
from harness.services.cleanup.leftover_sessions import KEY, sealed, undo_session, unsealed
from harness.services.processes.ports import free_port
from tests.fakes.deployment import deployed

KEY_OF_RUN = "a key of this run"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, KEY_OF_RUN)
    monkeypatch.setattr(leftover_sessions, "_SILENT", set())


def written_down(origin: str, session: str) -> dict[str, Any]:
    return {
        "at": origin,
        "connect": "127.0.0.1",
        "path": "/mcp",
        "headers": {},
        "version": "2025-11-25",
        "session": sealed(session, KEY_OF_RUN),
    }


async def test_a_session_is_ended_and_no_other() -> None:
    """By the server's own way."""
    async with deployed("no modern") as (url, fake):
        fake.sessions |= {"one", "other"}
        origin = url.removesuffix("/mcp")

        assert await asyncio.to_thread(undo_session, written_down(origin, "one")) is None
        assert fake.sessions == {"other"}


def test_a_server_that_is_gone_is_asked_once() -> None:
    """It forgets its sessions by itself."""
    origin = f"http://127.0.0.1:{free_port()}"

    assert undo_session(written_down(origin, "one")) is None
    assert {origin} == leftover_sessions._SILENT
    assert undo_session(written_down(origin, "two")) is None


def test_without_the_key_nobody_can_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said, with where."""
    monkeypatch.delenv(KEY)
    problem = undo_session(written_down("http://127.0.0.1:1", "one"))

    assert problem == "its id is not known any more: http://127.0.0.1:1 has to forget it by itself"


@pytest.mark.parametrize("text", ["", "s", "x" * 31, "x" * 32, "x" * 200, "grüße"])
def test_what_is_sealed_is_read_with_its_key_alone(text: str) -> None:
    """Each time it is written down in another way."""
    one, other = sealed(text, KEY_OF_RUN), sealed(text, KEY_OF_RUN)

    assert one != other
    assert (unsealed(one, KEY_OF_RUN), unsealed(other, KEY_OF_RUN)) == (text, text)
    assert len(text) < 5 or text.encode().hex() not in one
