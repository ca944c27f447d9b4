"""Locust's own master and workers over a real socket: who is given users, and who cannot even speak."""

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import locust.env
import pytest
from locust import User, constant, task
from locust.event import Events
from locust.rpc import zmqrpc

from harness.load.inside.distributed import sealing
from harness.load.inside.distributed.refused import RefusedWorkers
from harness.load.inside.distributed.roster import Roster
from tests.load.inside.waiting import until


class Idle(User):  # type: ignore[misc]
    """Somebody who waits."""

    wait_time = constant(1)

    @task
    def wait(self) -> None:
        gevent.sleep(1)


def environment() -> locust.env.Environment:
    return locust.env.Environment(events=Events(), user_classes=[Idle], host="http://127.0.0.1:9")


@pytest.fixture
def master() -> Iterator[Any]:
    """Sealed with a token; ended with the test."""
    sealing.seal("the token of this run")
    made = environment()._create_runner(Roster, "127.0.0.1", 0)
    yield made
    made.quit()


@pytest.fixture
def worker(master: Any) -> Iterator[Callable[..., Any]]:
    """One that connects to it, with this token or none; it waits for the answer in a greenlet of its own."""
    made: list[gevent.Greenlet] = []
    opened: list[Any] = []

    def connect(token: str) -> gevent.Greenlet:
        if token:
            sealing.seal(token)
        else:
            zmqrpc.BaseSocket.__init__ = sealing._OPEN
        runner = environment()
        made.append(gevent.spawn(runner.create_worker_runner, "127.0.0.1", master.server.port))
        gevent.sleep(0)  # its socket is open when it waits
        opened.append(runner)
        return made[-1]

    yield connect
    for one, env in zip(made, opened, strict=True):
        one.kill()
        if env.runner is not None:
            env.runner.greenlet.kill(block=False)
    zmqrpc.BaseSocket.__init__ = sealing._OPEN


def test_a_worker_with_the_token_gets_users_when_it_was_taken_and_not_before(
    master: Any, worker: Callable[..., Any]
) -> None:
    """Plain Locust gives them to whoever has connected."""
    joined = worker("the token of this run").get(timeout=60)
    master.start(2, spawn_rate=2)
    gevent.sleep(0.2)
    assert (master.user_count, joined.user_count, list(master.clients)) == (0, 0, [])

    master.take(joined.client_id)
    master.start(2, spawn_rate=2)
    until(lambda: joined.user_count == 2)


@pytest.mark.parametrize(
    ("token", "why"), [("", "without a token"), ("that of another", "with another token")]
)
def test_who_has_not_the_token_is_not_heard_and_is_told_of(
    master: Any, worker: Callable[..., Any], token: str, why: str
) -> None:
    """None of its messages reaches Locust."""
    said: list[tuple[str, dict[str, Any]]] = []
    heard: list[Any] = []
    RefusedWorkers(master, lambda word, **data: said.append((word, data)))
    master.handle_message = lambda name, message: heard.append((name, message))
    waiting = worker(token)

    until(lambda: said)
    assert said[0][0] == "stranger"
    assert said[0][1]["why"] == why
    assert said[0][1]["attempts"] >= 1
    assert waiting.value is None  # it has not joined
    assert heard == []
