"""`harness serve`: what it needs, and where it may go."""

import socket

import pytest

from harness.cli.backends import Backends
from harness.cli.main import run
from harness.cli.serving import serve
from harness.foundation.addresses import vetting
from harness.foundation.errors import USAGE, UsageError


def test_a_worker_without_a_database_is_told_what_to_give() -> None:
    """An embedded database of its own would have no tasks."""
    with pytest.raises(UsageError, match="A worker needs the database of a server"):
        serve("127.0.0.1", 8000, None, worker=True)


@pytest.mark.parametrize("host", ["", "a b", "127.1", "[::1", "203.0.113.9", "a" * 70, "h\0"])
def test_a_place_that_cannot_be_listened_at_is_told_before_anything_starts(host: str) -> None:
    """Exit 2, with one that can."""
    with pytest.raises(UsageError, match="Cannot listen at") as told:
        serve(host, 0, None)
    assert "--host 127.0.0.1" in told.value.todo


ELSEWHERE = [
    # what is typed, the environment, what is said
    (["--database-url", "postgresql://me:s3cret@10.0.0.7/x"], {}, "--allow-backend 10.0.0.7"),
    ([], {"DATABASE_URL": "postgresql://me:s3cret@10.0.0.7/x"}, "10.0.0.7, which DATABASE_URL names,"),
    (["--redis-url", "redis://me:s3cret@10.0.0.7/0"], {}, "10.0.0.7, which --redis-url names,"),
    ([], {"REDIS_URL": "redis://me:s3cret@10.0.0.7/0"}, "10.0.0.7, which REDIS_URL names,"),
    (["--amqp-url", "amqp://me:s3cret@10.0.0.7/"], {}, "10.0.0.7, which --amqp-url names,"),
    ([], {"AMQP_URL": "amqp://me:s3cret@10.0.0.7/"}, "10.0.0.7, which AMQP_URL names,"),
    (["--worker", "--database-url", "postgresql://me:s3cret@10.0.0.7/x"], {}, "10.0.0.7, which"),
    (["--drop-schema", "x", "--yes", "--database-url", "postgresql://me:s3cret@10.0.0.7/x"], {}, "10.0.0.7, which"),
    (["--database-url", "postgresql://127.0.0.1/x?host=10.0.0.7"], {}, "gives its host or port twice"),
    (["--database-url", "postgresql://0.0.0.0/x", "--allow-backend", "0.0.0.0"], {}, "where a server listens"),
    (["--database-url", "postgresql://10.0.0.7/x", "--allow-host", "10.0.0.7"], {}, "--allow-backend 10.0.0.7"),
    (["--redis-url", "redis://lab/0", "--allow-backend", "http://lab"], {}, "--allow-backend 'http://lab' names no host"),
]  # fmt: skip


@pytest.mark.parametrize(("flags", "environment", "said"), ELSEWHERE)
def test_a_server_s_data_goes_where_a_run_may_go(
    flags: list[str],
    environment: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whether it is served, worked on or dropped; nothing is connected to, and no password is shown."""
    for name in ("DATABASE_URL", "AMQP_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it was connected to"))

    assert run(["serve", "--port", "0", *flags]) == USAGE
    told = capsys.readouterr().err
    assert said in told
    assert "s3cret" not in told


def test_what_was_allowed_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name stands for later is of no matter; a name that a certificate proves stays."""
    monkeypatch.setattr(vetting.socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.0.0.7", 0))])
    urls = {
        "DATABASE_URL": "postgresql://me:pw@lab:5433/x",
        "REDIS_URL": "rediss://lab/0",
        "AMQP_URL": "",
    }

    assert Backends(urls).vetted(["lab"]).urls == {
        "DATABASE_URL": "postgresql://me:pw@10.0.0.7:5433/x",
        "REDIS_URL": "rediss://lab/0",
        "AMQP_URL": "",
    }
