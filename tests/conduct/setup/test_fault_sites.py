"""What stands behind the target for the sake of a fault: found before anything starts, spoken to before any load."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from harness.conduct.setup.fault_sites import FaultSites, prepare
from harness.foundation.clock import RealClock
from harness.foundation.errors import FaultBackendUnreachableError, HarnessError, UsageError
from harness.run_directory import directory as rundir
from harness.run_directory.undo import UndoJournal, read_open
from harness.services.backends import rabbitmq
from harness.services.processes import programs
from harness.services.processes.ports import free_port


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.mark.parametrize(
    ("link", "package", "variable"),
    [("queue", "rabbitmq-server", "AMQP_URL"), ("sessions", "redis-server", "REDIS_URL")],
)
async def test_a_broker_that_is_not_installed_is_exit_5_with_the_command_that_gets_it(
    tmp_path: Path,
    stack: AsyncExitStack,
    monkeypatch: pytest.MonkeyPatch,
    link: str,
    package: str,
    variable: str,
) -> None:
    """Before anything is started; naming one of the user's would do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "SYSTEM_PLACES", ())
    monkeypatch.setattr(rabbitmq, "PROGRAMS", ("rabbitmq-server",))
    monkeypatch.delenv(variable, raising=False)
    directory = rundir.create(tmp_path, "s", RealClock().utc())
    with UndoJournal(directory.undo), pytest.raises(FaultBackendUnreachableError) as caught:
        await prepare(stack, frozenset({link}), directory, RealClock())

    assert caught.value.exit_code == 5
    assert f"install {package} as your system does; or set {variable}" in caught.value.todo
    assert read_open(directory.undo) == []


@pytest.mark.parametrize(
    ("link", "variable", "url", "error", "message"),
    [
        (
            "queue",
            "AMQP_URL",
            "amqp://u:secret@127.0.0.1:{port}/",
            FaultBackendUnreachableError,
            "was refused",
        ),
        (
            "sessions",
            "REDIS_URL",
            "redis://:secret@127.0.0.1:{port}/0",
            FaultBackendUnreachableError,
            "was refused",
        ),
        ("queue", "AMQP_URL", "amqps://u:secret@127.0.0.1:{port}/", UsageError, "is not amqp://"),
        ("sessions", "REDIS_URL", "unix:///tmp/redis", UsageError, "is not redis://"),
        ("sessions", "REDIS_URL", "redis://127.0.0.1:port/0", UsageError, "is not redis://"),
        ("sessions", "REDIS_URL", "redis:///0", UsageError, "is not redis://"),
    ],
)
async def test_a_broker_of_the_user_s_has_to_answer_before_any_load(
    tmp_path: Path,
    stack: AsyncExitStack,
    monkeypatch: pytest.MonkeyPatch,
    link: str,
    variable: str,
    url: str,
    error: type[HarnessError],
    message: str,
) -> None:
    """One that is away is exit 5, one that no proxy can stand before exit 2; passwords are not shown."""
    monkeypatch.setenv(variable, url.format(port=free_port()))
    with UndoJournal(tmp_path / "undo.jsonl"):
        ways = FaultSites(stack, frozenset({link}), None, "run-1", RealClock())
        with pytest.raises(error) as caught:
            await ways.lead_to_broker(link, tmp_path)
        assert await ways.lead_to_broker("sessions" if link == "queue" else "queue", tmp_path) == {}

    assert message in str(caught.value)
    assert "secret" not in str(caught.value)
