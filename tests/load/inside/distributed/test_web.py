"""Locust's web UI beside a run: what it answers, and what it refuses."""

import locust.env
import pytest
from locust.event import Events

from harness.load.inside.distributed.web import web_app


@pytest.fixture
def environment() -> locust.env.Environment:
    """One whose load has not begun."""
    made = locust.env.Environment(events=Events(), user_classes=[], host="http://127.0.0.1:1")
    made.create_local_runner()
    return made


NEAR = {"Host": "127.0.0.1:8089"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "says"),
    [
        ("GET", "/", NEAR, 200, "not begun"),
        ("GET", "/stats/requests", NEAR, 200, "user_count"),
        ("GET", "/stats/requests", {"Host": "localhost:8089"}, 200, "user_count"),
        ("GET", "/stats/requests", NEAR | {"Origin": "http://127.0.0.1:8089"}, 200, "user_count"),
        ("GET", "/stats/requests", NEAR | {"Origin": "http://evil.example"}, 403, "this machine only"),
        ("GET", "/stats/requests", {"Host": "evil.example:8089"}, 403, "this machine only"),
        ("POST", "/swarm", NEAR, 403, "The harness controls this run"),
        ("POST", "/stop", NEAR, 403, "The harness controls this run"),
        ("POST", "/stats/reset", NEAR, 403, "The harness controls this run"),
        ("POST", "/user", NEAR, 403, "The harness controls this run"),
    ],
)
def test_it_shows_and_steers_nothing(
    environment: locust.env.Environment,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    says: str,
) -> None:
    """Nor does a page from elsewhere look through the browser of whoever watches."""
    answer = web_app(environment).test_client().open(path, method=method, headers=headers)

    assert (answer.status_code, says in answer.text) == (status, True)


def test_when_the_load_has_begun_the_page_is_locusts(
    environment: locust.env.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever options of Locust's lie about on this machine."""
    monkeypatch.setenv("LOCUST_USERS", "many")
    assert environment.runner is not None
    environment.runner.state = locust.runners.STATE_RUNNING
    answer = web_app(environment).test_client().get("/", headers=NEAR)

    assert (answer.status_code, "Locust" in answer.text) == (200, True)
