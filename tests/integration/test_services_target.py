"""The managed target, for real: the reference service and a command of a user's."""

import os
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from harness.foundation.errors import ServiceError, TargetNotStartedError, UsageError
from harness.run_directory.undo import UndoJournal
from harness.services import target
from harness.services.backends import postgres
from harness.services.cleanup.janitor_process import watching
from harness.services.processes import process, proctable
from harness.services.processes.ports import free_port, is_taken

SERVES = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2])); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def serves(port: int, status: int = 200) -> list[str]:
    return [sys.executable, "-c", SERVES, str(port), str(status)]


async def health(base_url: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(f"{base_url}/health") as reply:
        return reply.status


async def test_the_reference_target_serves_and_is_gone_afterwards(
    undo: UndoJournal, tmp_path: Path, postgres_url: str
) -> None:
    """At the port it says; the password of its database is in no command line."""
    async with target.managed(tmp_path, postgres_url) as started:
        assert await health(started.base_url) == 200
        assert started.mcp_url == f"{started.base_url}/mcp"
        password = postgres_url.partition("@")[0].rpartition(":")[2]
        assert password not in Path(f"/proc/{started.pid}/cmdline").read_text()
        usage = started.usage()
        assert usage.rss_bytes > 10_000_000
        assert usage.cpu_s > 0
        port = int(started.base_url.rpartition(":")[2])
    assert not is_taken(port)
    assert undo.open() == []
    assert started.usage().rss_bytes == 0


async def test_a_restart_keeps_the_address(undo: UndoJournal, tmp_path: Path, postgres_url: str) -> None:
    """A deploy: another process, at the same port, ready again."""
    async with target.managed(tmp_path, postgres_url) as started:
        before = started.pid
        await started.restart()
        assert started.pid != before
        assert await health(started.base_url) == 200
        assert started.process.starts == 2

        await started.process.kill()
        assert not started.process.running
        await started.process.start()
        assert await health(started.base_url) == 200
        await started.process.start()
        assert started.process.starts == 3


async def test_an_empty_seat_has_no_child(undo: UndoJournal, tmp_path: Path, postgres_url: str) -> None:
    """Whoever asks for its pid is told why there is none."""
    async with target.managed(tmp_path, postgres_url) as started:
        await started.process.stop()
        await started.process.kill()
        with pytest.raises(ServiceError, match="not running"):
            _ = started.pid


async def test_a_port_that_was_asked_for_and_is_taken_is_the_user_s_error(
    undo: UndoJournal, tmp_path: Path
) -> None:
    """It names the port; nothing was started."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} is taken"):
            async with target.managed(tmp_path, "postgresql://nowhere", port=port):
                pass
    assert undo.open() == []


async def test_a_port_of_the_user_s_is_used(undo: UndoJournal, tmp_path: Path, postgres_url: str) -> None:
    """When it is free."""
    port = free_port()
    async with target.managed(tmp_path, postgres_url, port=port) as started:
        assert started.base_url == f"http://127.0.0.1:{port}"


async def test_a_lost_race_for_a_port_is_run_again(
    undo: UndoJournal, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody took the port between choosing and listening; not for ever."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        offers = iter([taken, free_port(), taken, taken])
        monkeypatch.setattr(target, "free_port", lambda host: next(offers))
        async with target.managed(tmp_path, postgres_url) as started:
            assert not started.base_url.endswith(f":{taken}")
        monkeypatch.setattr(target, "TRIES", 2)
        with pytest.raises(ServiceError, match="target ended"):
            async with target.managed(tmp_path, postgres_url):
                pass


async def test_a_target_that_ends_while_it_starts_is_not_there(
    undo: UndoJournal, tmp_path: Path, postgres_url: str
) -> None:
    """Exit 4, whatever its own exit code; the log is named for as long as it is there."""
    with pytest.raises(ServiceError, match="target ended before it was ready: exit code 2") as caught:
        async with target.managed(tmp_path, postgres_url, arguments=["--no-such-flag"]):
            pass
    assert caught.value.exit_code == 4
    assert "--no-such-flag" in caught.value.why
    assert caught.value.todo.endswith("(see " + str(tmp_path / "target.log") + ")")
    (tmp_path / "target.log").unlink()
    assert "target.log" not in str(caught.value)


async def test_a_target_without_its_database_is_told_in_its_own_words(
    undo: UndoJournal, tmp_path: Path
) -> None:
    """Not run again: the port was not the trouble."""
    nowhere = f"postgresql://harness:secret@127.0.0.1:{free_port()}/postgres"
    with pytest.raises(ServiceError, match="target ended before it was ready: exit code") as caught:
        async with target.managed(tmp_path, nowhere):
            pass
    assert "secret" not in str(caught.value)
    assert (
        str(nowhere.rpartition(":")[2].partition("/")[0]) in caught.value.why
        or "database" in caught.value.why.lower()
    )


@pytest.mark.parametrize(
    ("path", "mcp"), [("/health", "/mcp"), ("/mcp", "/mcp"), ("/v1/mcp/", "/v1/mcp/"), ("", "/mcp")]
)
async def test_a_command_of_the_user_s_is_ready_when_its_address_answers(
    undo: UndoJournal, tmp_path: Path, path: str, mcp: str
) -> None:
    """And gone afterwards. An address that says mcp is the endpoint itself."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    async with target.commanded(tmp_path, serves(port), f"{base_url}{path}") as started:
        assert await health(started.base_url) == 200
        assert started.mcp_url == f"{base_url}{mcp}"
        pid, found = started.pid, proctable.read(started.pid)
    assert found
    assert not proctable.is_alive(pid, found.start_ticks)
    assert not is_taken(port)


async def test_the_endpoint_can_be_said(undo: UndoJournal, tmp_path: Path) -> None:
    """For a server whose doors are elsewhere."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with target.commanded(tmp_path, serves(port), url, mcp_url=f"{url}/rpc") as started:
        assert started.mcp_url == f"{url}/rpc"


async def test_a_command_that_only_ever_fails_is_told_with_the_last_state(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it answered, and for how long it was asked."""
    port = free_port()
    monkeypatch.setattr(
        target, "running", lambda *args, **given: process.running(*args, **given, ready_s=1.5)
    )
    with pytest.raises(TargetNotStartedError, match=r"did not get ready\. Waited 1\.5s") as caught:
        async with target.commanded(tmp_path, serves(port, 503), f"http://127.0.0.1:{port}/"):
            pass
    assert "it answers 503" in caught.value.why


async def test_an_address_that_is_taken_before_the_start_is_the_user_s_error(
    undo: UndoJournal, tmp_path: Path
) -> None:
    """The run would measure somebody else's server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageError, match="is taken before"):
            async with target.commanded(tmp_path, ["true"], f"http://localhost:{port}/"):
                pass


@pytest.mark.parametrize("ready", ["", "health", "tcp://127.0.0.1:80", "http://"])
async def test_a_command_without_an_address_is_the_user_s_error(
    undo: UndoJournal, tmp_path: Path, ready: str
) -> None:
    """It could not be told when the server is up."""
    with pytest.raises(UsageError, match="when true is ready"):
        async with target.commanded(tmp_path, ["true"], ready):
            pass


async def test_all_parts_together_leave_nothing_open(tmp_path: Path) -> None:
    """As a run starts and ends them; the janitor had nothing to do, so it wrote nothing."""
    async with (
        watching(tmp_path / "undo.jsonl") as undo,
        postgres.embedded(tmp_path) as url,
        target.managed(tmp_path, url) as started,
    ):
        assert await health(started.base_url) == 200
    assert undo.open() == []
    assert not (tmp_path / "janitor.log").exists()


async def test_what_is_measured_gives_way_to_what_measures(
    tmp_path: Path, undo: UndoJournal, postgres_url: str
) -> None:
    """On a machine that is short of processors the generator comes first: a starved one measures itself."""
    async with target.managed(tmp_path, postgres_url) as started:
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, started.pid) == min(19, ours + process.GIVES_WAY)
        assert os.sched_getscheduler(started.pid) == os.SCHED_BATCH
