"""What the harness adds to its environment is its own."""

import os

import pytest

from harness.foundation import environment


@pytest.fixture(autouse=True)
def _nothing_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_added", {})
    for name in environment.OURS:
        monkeypatch.delenv(name, raising=False)


def test_what_is_added_is_not_given_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that calculates has all its threads."""
    monkeypatch.setenv("HARNESS_TEST_GIVEN", "1")
    environment.begin()
    assert {name: os.environ[name] for name in environment.OURS} == environment.OURS
    given = environment.for_others()
    assert given["HARNESS_TEST_GIVEN"] == "1"
    assert not environment.OURS.keys() & given.keys()


def test_what_the_user_has_set_stays_and_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it is the same."""
    for value in ("1", "8"):
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", value)
        environment.begin()
        assert os.environ["OPENBLAS_NUM_THREADS"] == value
        assert environment.for_others()["OPENBLAS_NUM_THREADS"] == value
