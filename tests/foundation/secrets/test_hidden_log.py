"""Logs of others: no secret stays in one, whether or not there is room for a clean copy."""

import os
from pathlib import Path

import pytest

from harness.foundation.secrets import hidden_log, hiding
from tests.run_directory.test_disk_space import files_up_to

SECRET = "tok-3f9a77c2d1e8"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Of a server that says at its end what it was given."""
    hiding.learn(SECRET)
    path = tmp_path / "target.log"
    path.write_text("up\n" * 1000 + f"given: {SECRET}\n" + "call\n" * 1000)
    return path


def test_a_log_keeps_all_but_its_secrets(log: Path) -> None:
    """With room."""
    assert hidden_log.clean(log.parent) == []
    assert log.read_text() == "up\n" * 1000 + "given: (hidden)\n" + "call\n" * 1000


def test_a_log_without_room_for_a_clean_copy_ends_before_its_first_secret(log: Path) -> None:
    """And that is told, with the reason."""
    told: list[str] = []
    with files_up_to(1000), hidden_log.ended_clean(log.parent, told.append):
        pass
    assert log.read_text() == "up\n" * 1000
    assert told == [
        f"{log} was cut before its first secret: a copy without it could not be written (File too large)"
    ]
    assert [path.name for path in log.parent.iterdir()] == ["target.log"]


def test_a_log_that_cannot_be_cut_is_removed(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather no log than one with a secret; what cannot be removed either is told."""

    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "truncate", no_room)
    with files_up_to(1000):
        (said,) = hidden_log.clean(log.parent)
    assert not log.exists()
    assert said.startswith(f"{log} was removed: it held a secret")

    log.write_text(SECRET)
    monkeypatch.setattr(Path, "unlink", no_room)
    with files_up_to(1):
        (said,) = hidden_log.clean(log.parent)
    assert said.startswith(f"A secret may be left in {log}: ")
