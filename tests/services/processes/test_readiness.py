"""Waiting: asked at once, asked again later and later, given up with the last state."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from harness.foundation.errors import ServiceError
from harness.services.processes import readiness
from harness.services.processes.readiness import Ready, until


async def answering(status: int):
    """A server on a free port that answers so; its runner and port."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, site._server.sockets[0].getsockname()[1]


async def test_pauses_grow_to_a_limit() -> None:
    """No sleeping here: the pauses are only written down."""
    pauses, answers = [], iter([*["not yet"] * 12, None])

    async def check() -> str | None:
        return next(answers)

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    await until(Ready("it", check), 60, pause)
    assert pauses[0] == readiness.FIRST_PAUSE_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == readiness.PAUSE_S_MAX
    assert len(pauses) == 12


async def test_a_time_out_says_what_for_how_long_and_the_last_state() -> None:
    """All a reader of the log has."""

    async def check() -> str | None:
        return "it yawns"

    with pytest.raises(ServiceError) as caught:
        await until(Ready("the cat to wake", check), 0.03)
    assert caught.value.lines() == ["Waited 0.03s for the cat to wake", "Last state: it yawns"]


async def test_a_check_that_hangs_is_given_up_too() -> None:
    """The deadline holds over the check, not only between checks."""

    async def check() -> str | None:
        await asyncio.Event().wait()
        return None

    with pytest.raises(ServiceError, match="no answer yet"):
        await until(Ready("ever", check), 0.01)


async def test_a_port_is_ready_when_it_accepts() -> None:
    """Before that the state is the kernel's own words."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    number = server.sockets[0].getsockname()[1]
    assert await readiness.port(number).check() is None
    server.close()
    await server.wait_closed()
    assert "refused" in str(await readiness.port(number).check()).lower()


async def test_a_line_counts_when_it_is_whole_and_new(tmp_path: Path) -> None:
    """What an earlier start wrote to the same log does not count."""
    log = tmp_path / "part.log"
    assert await readiness.line("ready", log).check()
    log.write_text("ready on 1\n")
    ready = readiness.line("^ready on", log)
    with log.open("a") as file:
        file.write("hello\nready on 2")
        file.flush()
        assert await ready.check() == "no such line yet"
        file.write("2\n")
    assert await ready.check() is None
    found = readiness.find_line(r"ready on (\d+)", log, offset=11)
    assert found is not None
    assert found[1] == "22"


@pytest.mark.parametrize(
    ("status", "state"), [(200, None), (404, None), (405, None), (302, None), (503, "it answers 503")]
)
async def test_an_address_is_ready_unless_the_server_itself_says_no(status: int, state: str | None) -> None:
    """An MCP endpoint answers a plain GET with 405; a server that is starting answers 503."""
    runner, port = await answering(status)
    try:
        assert await readiness.url(f"http://127.0.0.1:{port}/x").check() == state
    finally:
        await runner.cleanup()
    assert "127.0.0.1" in str(await readiness.url(f"http://127.0.0.1:{port}/x").check())
