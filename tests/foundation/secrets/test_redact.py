"""Secrets stay out of what is written down."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.foundation.secrets import redact

SECRET = "s3cr3t-value"


@pytest.mark.parametrize(
    "value",
    [
        {"headers": {"Authorization": f"Bearer {SECRET}", "X-Anything": SECRET}},
        {"target": {"url": f"http://user:{SECRET}@127.0.0.1:1/mcp?token={SECRET}"}},
        {"api_key": SECRET, "deep": [{"password": SECRET}]},
        {"database": f"postgresql://me:{SECRET}@127.0.0.1/db"},
        {"mcp-session-id": SECRET},
        {"command": ["psql", f"postgresql://me:{SECRET}@127.0.0.1/db"]},
        {"said": f"cannot reach http://me:{SECRET}@127.0.0.1/mcp"},
        {"url": f"http://me:{SECRET}@[/mcp"},
        {"alert": ["console", f"https://me:{SECRET}@chat.example/hooks/{SECRET}"]},
    ],
)
def test_a_secret_is_hidden_by_the_name_it_goes_under(value: dict[str, object]) -> None:
    """Headers, keys, passwords in URLs, query values."""
    assert SECRET not in json.dumps(redact.tree(value))


def test_what_is_no_secret_is_kept() -> None:
    """A redacted run can still be read."""
    value = {"url": "http://127.0.0.1:8000/mcp?x=1", "n": 3, "list": ["a", None, True]}

    assert redact.tree(value) == value


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["ramp", "-H", f"Authorization: {SECRET}"], ["ramp", "-H", "Authorization: (hidden)"]),
        (["ramp", f"--header=X-Key: {SECRET}"], ["ramp", "--header=X-Key: (hidden)"]),
        (["--url", f"http://u:{SECRET}@h/"], ["--url", "http://h/"]),
        ([f"--url=http://u:{SECRET}@h/"], ["--url=http://h/"]),
        (["--alert", f"http://h:1/{SECRET}"], ["--alert", "http://h:1/(hidden)"]),
        (
            [f"--alert=http://h/{SECRET}", "--alert", "console"],
            ["--alert=http://h/(hidden)", "--alert", "console"],
        ),
        ([f"-HX-Key: {SECRET}"], ["-HX-Key: (hidden)"]),
        (["-H", "Accept: application/json"], ["-H", "Accept: application/json"]),
        (["-H", "abc"], ["-H", "(hidden)"]),
        (["--url", "me:abc@127.0.0.1:1/"], ["--url", "127.0.0.1:1/"]),
        (["serve", "--token", "abc", "-v"], ["serve", "--token", "(hidden)", "-v"]),
        (["serve", "--api-key=abc"], ["serve", "--api-key=(hidden)"]),
        (["env", "PGPASSWORD=abc", "serve"], ["env", "PGPASSWORD=(hidden)", "serve"]),
        (
            ["sh", "-c", "exec x --token def; A_PASS=abc y"],
            ["sh", "-c", "exec x --token (hidden) A_PASS=(hidden) y"],
        ),
        (["--token", "${T}", "--key=1", "--token=${T}"], ["--token", "${T}", "--key=1", "--token=${T}"]),
        (["--target-options", "--secret abc -v"], ["--target-options", "--secret '(hidden)' -v"]),
        (["ramp", "--max", "50"], ["ramp", "--max", "50"]),
    ],
)
def test_a_command_line_is_shown_without_its_secrets(argv: list[str], expected: list[str]) -> None:
    """The rest can be copied and run again."""
    assert redact.command_line(argv) == expected


@given(st.text() | st.text(alphabet="htp:/@[]?#%=&. u", max_size=40))
def test_any_text_can_be_redacted(text: str) -> None:
    """What is no URL is an error of whoever uses it, not of whoever writes it down."""
    redact.url(text)
