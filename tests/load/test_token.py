"""The token of a run: given by the environment or a file, refused when it can be guessed, hidden wherever it would be written."""

from pathlib import Path

import pytest

from harness.foundation.errors import UsageError
from harness.foundation.secrets import hiding
from harness.load import token


def test_it_is_taken_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    """What is drawn is another one each time."""
    file = tmp_path / "join.token"
    file.write_text("f" * 20 + "\n")
    assert token.given({}) == ""
    assert token.given({token.FILE_VARIABLE: str(file)}) == "f" * 20
    assert token.given({token.VARIABLE: "e" * 20, token.FILE_VARIABLE: "nowhere"}) == "e" * 20
    assert token.drawn() != token.drawn()
    assert len({token.key(text) for text in ("e" * 20, "f" * 20)}) == 2


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        (token.VARIABLE, "guessed", "It has 7 characters"),
        (token.VARIABLE, "x" * 1001, "It has 1001 characters"),
        (token.FILE_VARIABLE, "/nowhere/at/all", "No such file"),
        (token.FILE_VARIABLE, "/dev/null", "without a token"),
        (token.FILE_VARIABLE, "/dev/zero", "characters"),
    ],
)
def test_one_that_cannot_be_used_is_the_user_s_error(variable: str, value: str, says: str) -> None:
    """With the command that makes one, and without the token."""
    with pytest.raises(UsageError) as told:
        token.given({variable: value})
    assert says in str(told.value)
    assert "openssl rand -hex 32" in str(told.value)
    assert "guessed" not in str(told.value)


def test_it_is_hidden_wherever_it_would_be_written() -> None:
    """As every secret of the run."""
    drawn = token.drawn()
    assert hiding.hide(f"the token is {drawn}") == "the token is (hidden)"


def test_without_curve_nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """An open door would let everybody in."""
    token.check_sealable()
    monkeypatch.setattr("zmq.has", lambda _capability: False)
    with pytest.raises(UsageError, match="connection to the workers cannot be encrypted") as told:
        token.check_sealable()
    assert "pip install" in str(told.value)
