"""Toxiproxy, for real: started, talked to, paused, provided, and not there."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from harness.foundation.errors import FaultBackendUnreachableError, ServiceError, UsageError
from harness.run_directory.undo import UndoJournal
from harness.services.processes import proctable
from harness.services.processes.ports import free_port, is_taken
from harness.services.toxiproxy import api as toxiproxy_api
from harness.services.toxiproxy import install
from harness.services.toxiproxy import server as toxiproxy
from harness.services.toxiproxy.api import RefusedError, Toxic
from harness.services.toxiproxy.install import Binary
from harness.services.toxiproxy.server import Toxiproxy

SLOW = Toxic("slow", "latency", attributes={"latency": 200, "jitter": 50})


@pytest_asyncio.fixture
async def server(undo: UndoJournal, tmp_path: Path, toxiproxy_found: Path) -> AsyncIterator[Toxiproxy]:
    """One of our own, for this test."""
    async with toxiproxy.provided_or_started(tmp_path) as started:
        yield started


async def pause(server: Toxiproxy) -> None:
    """Every thread of it has stopped: the signal alone leaves them a moment."""
    os.kill(server.child.pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{server.child.pid}/task")
    async with asyncio.timeout(10):
        while any("\nState:\tT" not in (task / "status").read_text() for task in tasks.iterdir()):
            await asyncio.sleep(0.01)


async def test_one_of_our_own_is_started_answers_and_is_gone_afterwards(
    undo: UndoJournal, tmp_path: Path, toxiproxy_found: Path
) -> None:
    """On loopback, as our child; nothing of it is left."""
    async with toxiproxy.provided_or_started(tmp_path) as started:
        assert started.ours
        assert started.url.startswith("http://127.0.0.1:")
        assert started.version == install.found().version
        assert await started.api.version() == started.version
        assert await started.api.proxies() == {}
        child = started.child
        assert [entry.data["name"] for entry in undo.open()] == ["toxiproxy"]
    assert not proctable.is_alive(child.pid, child.start_ticks)
    assert not is_taken(int(started.url.rpartition(":")[2]))
    assert undo.open() == []


async def test_the_user_s_server_is_used_and_left_as_it_was(
    server: Toxiproxy, undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TOXIPROXY_URL wins; whoever else uses it notices nothing."""
    theirs = await server.api.create_proxy("theirs", "127.0.0.1:1")
    monkeypatch.setenv("TOXIPROXY_URL", server.url + "/")
    async with toxiproxy.provided_or_started(tmp_path) as used:
        assert (used.url, used.ours, used.child) == (server.url, False, None)
        assert used.version == server.version
        assert list(await used.api.proxies()) == ["theirs"]
    assert await server.api.proxies() == {"theirs": theirs}


async def test_a_server_that_is_named_and_does_not_answer_is_exit_5(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says how to do without it."""
    monkeypatch.setenv("TOXIPROXY_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(FaultBackendUnreachableError, match="does not answer") as caught:
        async with toxiproxy.provided_or_started(tmp_path):
            pass
    assert caught.value.exit_code == 5
    assert "Connection refused" in caught.value.why
    assert "without TOXIPROXY_URL the harness starts one of its own" in caught.value.todo


async def test_no_toxiproxy_at_all_names_the_command_that_gets_one(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is started."""
    monkeypatch.delenv("TOXIPROXY_URL", raising=False)
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FaultBackendUnreachableError, match="harness toxiproxy install"):
        async with toxiproxy.provided_or_started(tmp_path):
            pass
    assert undo.open() == []


async def test_a_program_that_is_no_toxiproxy_is_told_with_its_path(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the user knows what to remove."""
    program = tmp_path / "toxiproxy-server"
    program.write_text("#!/bin/sh\necho hello\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.delenv("TOXIPROXY_URL", raising=False)
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FaultBackendUnreachableError) as caught:
        async with toxiproxy.provided_or_started(tmp_path):
            pass
    assert caught.value.why == f"{program} cannot be used: it does not say its version (exit code 3)"


async def test_a_port_that_was_asked_for_is_used_or_is_the_user_s_error(
    undo: UndoJournal, tmp_path: Path, toxiproxy_found: Path
) -> None:
    """Never another one."""
    port = free_port()
    async with toxiproxy.started(tmp_path, port) as started:
        assert started.url == f"http://127.0.0.1:{port}"
        with pytest.raises(UsageError, match=f"Port {port} is taken"):
            async with toxiproxy.started(tmp_path, port):
                pass


async def test_a_lost_race_for_a_port_is_run_again(
    server: Toxiproxy, undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though another Toxiproxy answers there, and ours goes on running without a port; not for ever."""
    taken = int(server.url.rpartition(":")[2])
    offers = iter([taken, free_port(), taken, taken])
    monkeypatch.setattr(toxiproxy, "free_port", lambda host: next(offers))
    async with toxiproxy.started(tmp_path) as another:
        assert another.url != server.url
        assert await another.api.version() == server.version
    monkeypatch.setattr(toxiproxy, "TRIES", 2)
    with pytest.raises(ServiceError, match="could not listen"):
        async with toxiproxy.started(tmp_path):
            pass
    assert [entry.data["name"] for entry in undo.open()] == ["toxiproxy"]  # the fixture's


async def test_one_that_ends_while_it_starts_is_no_bug(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 5: there is nothing that applies faults; its name, its exit code, its last words."""
    path = tmp_path / "broken"
    path.write_text("#!/bin/sh\necho out of luck\nexit 3\n")
    path.chmod(0o755)
    monkeypatch.setattr(toxiproxy, "program", lambda: Binary(path, "2.12.0", ours=False))
    with pytest.raises(ServiceError, match="toxiproxy ended before it was ready: exit code 3") as caught:
        async with toxiproxy.started(tmp_path):
            pass
    assert (caught.value.exit_code, caught.value.why) == (5, "out of luck")
    assert len(caught.value.lines()) == 3


async def test_an_error_of_the_body_is_not_run_again(
    undo: UndoJournal, tmp_path: Path, toxiproxy_found: Path
) -> None:
    """Starting again would hide it."""
    with pytest.raises(ServiceError, match="mine"):
        async with toxiproxy.started(tmp_path):
            raise ServiceError("mine")
    assert undo.open() == []


async def test_a_proxy_is_made_changed_and_removed(server: Toxiproxy) -> None:
    """Each step is read back from the server; its address is the server's choice."""
    made = await server.api.create_proxy("ours", "127.0.0.1:9")
    assert made.listen.startswith("127.0.0.1:")
    assert not made.listen.endswith(":0")
    assert (made.upstream, made.enabled, made.toxics) == ("127.0.0.1:9", True, ())

    down = await server.api.update_proxy("ours", enabled=False)
    assert (down.enabled, down.listen) == (False, made.listen)
    assert not is_taken(int(made.listen.rpartition(":")[2]))
    moved = await server.api.update_proxy("ours", enabled=True, upstream="127.0.0.1:10")
    assert (moved.enabled, moved.upstream, moved.listen) == (True, "127.0.0.1:10", made.listen)

    await server.api.delete_proxy("ours")
    assert await server.api.proxies() == {}


async def test_traffic_goes_through_a_proxy(server: Toxiproxy) -> None:
    """Bytes there and back: it is the real thing."""
    echo = await asyncio.start_server(_echo, "127.0.0.1", 0)
    async with echo:
        port = echo.sockets[0].getsockname()[1]
        proxy = await server.api.create_proxy("echo", f"127.0.0.1:{port}")
        host, _, listens = proxy.listen.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(listens))
        writer.write(b"ping")
        assert await asyncio.wait_for(reader.readexactly(4), 5) == b"ping"
        await server.api.delete_proxy("echo")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


@pytest.mark.parametrize(
    ("toxic", "has"),
    [
        (SLOW, {"latency": 200, "jitter": 50}),
        (Toxic("cut", "limit_data", "upstream", attributes={"bytes": 10}), {"bytes": 10}),
        (Toxic("half", "bandwidth", toxicity=0.3, attributes={"rate": 64}), {"rate": 64}),
        (Toxic("defaults", "latency", attributes={"latency": 5}), {"latency": 5, "jitter": 0}),
        (Toxic("odd / name ?&#", "slow_close", attributes={"delay": 7}), {"delay": 7}),
    ],
    ids=lambda value: value.name if isinstance(value, Toxic) else "",
)
async def test_a_toxic_is_put_on_read_back_and_taken_off(
    server: Toxiproxy, toxic: Toxic, has: dict[str, int]
) -> None:
    """With the server's defaults beside what was asked for."""
    await server.api.create_proxy("p", "127.0.0.1:9")
    now = await server.api.add_toxic("p", toxic)
    assert (now.name, now.type, now.stream, now.attributes) == (toxic.name, toxic.type, toxic.stream, has)
    assert now.toxicity == pytest.approx(toxic.toxicity)
    assert (await server.api.proxy("p")).toxics == (now,) == await server.api.toxics("p")
    if "/" in toxic.name:  # the server itself cannot find what has a slash in its name
        await server.api.delete_proxy("p")
        return
    await server.api.remove_toxic("p", toxic.name)
    assert await server.api.toxics("p") == ()


async def test_what_the_server_refuses_is_told_in_its_words(server: Toxiproxy) -> None:
    """A typed error: a healer asks whether it is `missing`, a maker whether it is `taken`."""
    api = server.api
    await api.create_proxy("p", "127.0.0.1:9")
    await api.add_toxic("p", SLOW)
    with pytest.raises(RefusedError, match=r"409.*proxy already exists") as caught:
        await api.create_proxy("p", "127.0.0.1:9")
    assert caught.value.taken
    for call in (
        api.proxy("q"),
        api.update_proxy("q", enabled=False),
        api.delete_proxy("q"),
        api.toxics("q"),
        api.remove_toxic("p", "fast"),
    ):
        with pytest.raises(RefusedError, match=r"404.*not found") as caught:
            await call
        assert caught.value.missing
    with pytest.raises(RefusedError, match=r"400.*invalid toxic type") as caught:
        await api.add_toxic("p", Toxic("x", "no_such_toxic"))
    assert not caught.value.missing
    assert caught.value.exit_code == 5
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(RefusedError, match=r"500.*address already in use"):
            await api.create_proxy("r", "127.0.0.1:9", f"127.0.0.1:{port}")


async def test_a_toxic_that_is_not_as_it_was_asked_for_is_an_error(server: Toxiproxy) -> None:
    """An attribute that the server does not know is dropped in silence: the fault would not be the one asked for."""
    await server.api.create_proxy("p", "127.0.0.1:9")
    with pytest.raises(RefusedError, match="did not do what it was told") as caught:
        await server.api.add_toxic("p", Toxic("slow", "latency", attributes={"latencie": 200}))
    assert caught.value.status == 0
    assert "latencie" in caught.value.why


async def test_two_servers_are_never_mixed_up(server: Toxiproxy, undo: UndoJournal, tmp_path: Path) -> None:
    """Though the library keeps one address for the whole process."""
    async with toxiproxy.started(tmp_path) as another:
        names = [f"n{number}" for number in range(8)]
        await asyncio.gather(
            *(server.api.create_proxy(f"a{name}", "127.0.0.1:9") for name in names),
            *(another.api.create_proxy(f"b{name}", "127.0.0.1:9") for name in names),
        )
        assert sorted(await server.api.proxies()) == [f"a{name}" for name in names]
        assert sorted(await another.api.proxies()) == [f"b{name}" for name in names]


async def test_a_paused_server_is_an_error_and_works_again_when_it_goes_on(server: Toxiproxy) -> None:
    """Every kind of call ends by its deadline."""
    await server.api.create_proxy("p", "127.0.0.1:9")
    await server.api.add_toxic("p", SLOW)
    await pause(server)
    for call in (
        server.api.version(),
        server.api.proxies(),
        server.api.update_proxy("p", enabled=False),
        server.api.remove_toxic("p", "slow"),
        server.api.delete_proxy("p"),
    ):
        with pytest.raises(FaultBackendUnreachableError, match="hangs, or is paused"):
            await asyncio.wait_for(call, 10)
    os.kill(server.child.pid, signal.SIGCONT)
    assert await server.api.version() == server.version


async def test_a_call_that_is_cancelled_is_over_when_the_cancellation_arrives(server: Toxiproxy) -> None:
    """Nothing is put on behind the back of whoever cleans up next."""
    await server.api.create_proxy("p", "127.0.0.1:9")
    adding = asyncio.ensure_future(server.api.add_toxic("p", SLOW))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    adding.cancel()
    with suppress(asyncio.CancelledError):
        await adding
    before = await server.api.toxics("p")
    await server.api.version()
    assert await server.api.toxics("p") == before


async def test_what_a_paused_server_was_asked_it_may_do_later(server: Toxiproxy) -> None:
    """A call that ran out of time is not undone by that: a healer reads back, again and again."""
    await server.api.create_proxy("p", "127.0.0.1:9")
    await pause(server)
    with pytest.raises(FaultBackendUnreachableError):
        await server.api.add_toxic("p", SLOW)
    os.kill(server.child.pid, signal.SIGCONT)
    async with asyncio.timeout(10):
        while not await server.api.toxics("p"):
            await asyncio.sleep(0.01)
    assert SLOW.says((await server.api.toxics("p"))[0])


async def test_a_cancelled_call_to_a_paused_server_ends_too(server: Toxiproxy) -> None:
    """With the cancellation, not with the error that nobody would hear."""
    await pause(server)
    asking = asyncio.ensure_future(server.api.version())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, 10)
    os.kill(server.child.pid, signal.SIGCONT)


def test_asyncio_run_ends_though_the_server_is_paused(tmp_path: Path, toxiproxy_found: Path) -> None:
    """No thread is left to wait for: a program that gave up on a stuck server ends."""
    code = """
import asyncio, os, signal, sys
from pathlib import Path
from harness.foundation.errors import FaultBackendUnreachableError
from harness.run_directory.undo import UndoJournal as Journal
from harness.services.toxiproxy import server as toxiproxy

async def main():
    place = Path(sys.argv[1])
    with Journal(place / "undo.jsonl") as undo:
        async with toxiproxy.provided_or_started(place) as server:
            os.kill(server.child.pid, signal.SIGSTOP)
            for task in Path(f"/proc/{server.child.pid}/task").iterdir():
                while "State:\\tT" not in (task / "status").read_text():
                    await asyncio.sleep(0.01)
            try:
                await asyncio.wait_for(server.api.proxies(), 0.2)
            except (TimeoutError, FaultBackendUnreachableError) as error:
                print("gave up:", type(error).__name__)
        print("open:", undo.open())

asyncio.run(main())
print("ended")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=100, check=True
    )
    assert done.stdout.splitlines()[1:] == ["open: []", "ended"], done.stderr
    assert done.stdout.startswith("gave up: ")


async def test_one_of_our_own_that_was_killed_is_an_error(server: Toxiproxy) -> None:
    """Not an answer of somebody else's."""
    await server.child.kill()
    with pytest.raises(FaultBackendUnreachableError, match="Connection refused"):
        await server.api.version()


def test_the_deadlines_are_those_that_the_clean_up_counts_on() -> None:
    """Two seconds at most for a call; a longer one would outlast the janitor's three."""
    assert toxiproxy_api.CONNECT_S + toxiproxy_api.ANSWER_S <= 2
