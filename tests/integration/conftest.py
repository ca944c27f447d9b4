"""Real parts for tests, gone with the test run however it ends: one Redis, one RabbitMQ, one Toxiproxy program for all
workers. The PostgreSQL that each worker has is in tests/conftest.py.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from harness.run_directory.undo import UndoJournal
from harness.services.cleanup.janitor_process import watching
from harness.services.toxiproxy import install
from tests import brokers, getting


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A server that all tests share: use keys with a prefix of your own."""
    if not brokers.are_installed("redis"):
        pytest.skip(getting.redis())
    return shared_broker("redis", tmp_path_factory).url


@pytest.fixture(scope="session")
def amqp_url(rabbitmq: brokers.Broker) -> str:
    """A server that all tests share: use exchanges and queues with names of your own, and delete them."""
    return rabbitmq.url


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> brokers.Broker:
    """The same, with the address of its management API (None where its package has none)."""
    if not brokers.are_installed("rabbitmq"):
        pytest.skip(getting.rabbitmq())
    return shared_broker("rabbitmq", tmp_path_factory)


def shared_broker(kind: str, places: pytest.TempPathFactory) -> brokers.Broker:
    """It ends when pytest ends: the process that the workers come from, or this one."""
    worker = "PYTEST_XDIST_WORKER" in os.environ
    return brokers.shared(kind, shared_place(places) / kind, os.getppid() if worker else os.getpid())


def shared_place(places: pytest.TempPathFactory) -> Path:
    """A directory of the test run, rather than of one of its workers."""
    own = places.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture
def undo(tmp_path: Path) -> Iterator[UndoJournal]:
    """A journal of this test's own; nobody watches it."""
    with UndoJournal(tmp_path / "undo.jsonl") as journal:
        yield journal


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def toxiproxy_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real toxiproxy-server: this person's, else one built once and shared by the workers of the test run."""
    if binary := install.found():
        return binary.path
    if install.go_program() is None:
        pytest.skip(getting.go())
    place = tmp_path_factory.mktemp("toxiproxy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_HOME", str(shared_place(tmp_path_factory) / "harness-home"))
        async with watching(place / "undo.jsonl"):
            return (await install.install()).binary.path


@pytest.fixture
def toxiproxy_found(toxiproxy_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`harness` finds this toxiproxy-server, first on PATH, and nothing else of whoever runs the tests."""
    places = tmp_path / "on-path"
    places.mkdir()
    program = places / install.PROGRAM
    program.symlink_to(toxiproxy_binary)
    monkeypatch.setenv("PATH", f"{places}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TOXIPROXY_URL", raising=False)
    return program
