"""How long tokens are valid: by who gave them, or by themselves."""

import base64
import json

import pytest

from harness.client.auth import token
from harness.client.auth.keeper import due_s


def jwt(claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{middle}.c2ln"


@pytest.mark.parametrize(
    ("said", "lives_s"),
    [(3600, 3600), ("3600", 3600), (1.5, 1.5), (0, None), (-5, None), (True, None), ("soon", None), (None, None), (1e12, token.LONGEST_S), (0.001, token.SHORTEST_S)],
)  # fmt: skip
def test_expires_in_is_a_number_of_seconds(said: object, lives_s: float | None) -> None:
    """Some servers write it as text; nonsense is nothing."""
    assert token.lives_s(said) == lives_s


@pytest.mark.parametrize(
    ("value", "lives_s"),
    [
        (jwt({"exp": 1_060}), 60.0),
        (jwt({"exp": 900}), 0.0),
        (jwt({}), None),
        (jwt({"exp": "tomorrow"}), None),
        (jwt([1]), None),
        ("opaque", None),
        ("a.b.c", None),
        ("a.%%%.c", None),
    ],
)
def test_a_jwt_says_itself_when_it_ends(value: str, lives_s: float | None) -> None:
    """Read, not verified: that is the server's."""
    assert token.of_jwt(value, 1_000.0) == lives_s


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("abc.def-123", ("abc.def-123", None)),
        ('{"access_token": "abc", "expires_in": 60}', ("abc", 60.0)),
        ('{"token": "abc"}', ("abc", None)),
    ],
)
def test_commands_print_a_token_alone_or_in_json(text: str, found: tuple[str, float | None]) -> None:
    """As gcloud, az and others do."""
    assert token.of_text(text) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", "two words", "{}", "{", '{"access_token": "a", "expires_in": 1' + "0" * 400 + "}"),
        *('{"access_token": "a", "expires_in": NaN}', '{"access_token": "a", "x": ' + "[" * 5_000),
        *('{"access_token": 5}', "caf\u00e9", "a\nb"),
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    """It would be a header that cannot be sent, or an error message sent to the server."""
    with pytest.raises(ValueError, match="neither a token"):
        token.of_text(text)


@pytest.mark.parametrize(
    ("lives_s", "renew_s", "due"),
    [(5.0, None, 3.0), (1.0, None, 0.6), (3600.0, None, 3540.0), (150.0, None, 90.0), (None, None, None), (None, 30.0, 30.0), (3600.0, 30.0, 30.0), (5.0, 30.0, 3.0)],
)  # fmt: skip
def test_a_token_is_renewed_well_before_it_ends(
    lives_s: float | None, renew_s: float | None, due: float | None
) -> None:
    """After three fifths of its life, or a minute before its end; one without an end when it is refused."""
    assert due_s(lives_s, renew_s) == due
