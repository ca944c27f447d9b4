"""WWW-Authenticate: what servers write, and what they should not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.mcp.challenge import CHALLENGES_MAX, Challenge, bearer, challenges

METADATA = "https://mcp.example.com/.well-known/oauth-protected-resource"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("Bearer", [("Bearer", {})]),
        (f'Bearer resource_metadata="{METADATA}"', [("Bearer", {"resource_metadata": METADATA})]),
        ('Bearer realm="a, b", Scope=mcp', [("Bearer", {"realm": "a, b", "scope": "mcp"})]),
        (
            r'Bearer realm="say \"hi\"", error=invalid_token',
            [("Bearer", {"realm": 'say "hi"', "error": "invalid_token"})],
        ),
        ('Basic realm="x", Bearer scope="a b"', [("Basic", {"realm": "x"}), ("Bearer", {"scope": "a b"})]),
        ("Negotiate, NTLM", [("Negotiate", {}), ("NTLM", {})]),
        ('bearer error="first", error="second"', [("bearer", {"error": "first"})]),
        ('Bearer realm="never closed', [("Bearer", {})]),
    ],
)
def test_challenges_are_read_as_the_grammar_has_them(
    text: str, found: list[tuple[str, dict[str, str]]]
) -> None:
    """Commas stand between challenges and between parameters; quotes hold anything."""
    assert [(each.scheme, dict(each.parameters)) for each in challenges(text)] == found


def test_the_bearer_challenge_is_found_whatever_its_case() -> None:
    """Schemes ignore case."""
    assert bearer(challenges('Basic realm="x", BEARER scope=mcp')) == Challenge("BEARER", {"scope": "mcp"})
    assert bearer(challenges("Basic")) is None


@given(st.text(max_size=300))
def test_any_text_is_read_to_an_end(text: str) -> None:
    """Bounded, and without an error."""
    assert len(challenges(text)) <= CHALLENGES_MAX
