"""Secrets are hidden by their values, in every form; plain words are not."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.foundation.errors import UsageError
from harness.foundation.secrets import hiding, sources
from harness.foundation.secrets.hiding import HIDDEN, hide

ODD = "p/+ä\"'<&>=\\ x%9"


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    hiding.forget()


@pytest.mark.parametrize("value", ["s3cr3t-value", ODD, "two words of it", "line 1x\nline 2x", "0123456789"])
def test_every_form_of_a_value_is_hidden(value: str) -> None:
    """As it is, encoded once or twice, folded, and inside something that was encoded with it."""
    hiding.learn(value)
    texts = {
        "itself": value,
        "URL": quote(value, safe=""),
        "form": quote_plus(value),
        "small hexadecimal digits": re.sub("%..", lambda code: code[0].lower(), quote(value, safe="")),
        "URL twice": quote(quote(value, safe=""), safe=""),
        "JSON": json.dumps(value),
        "JSON in JSON": json.dumps(json.dumps({"a": value})),
        "JSON, its own letters": json.dumps(value, ensure_ascii=False),
        "HTML": html.escape(value),
        "Python": repr(value),
        "Python twice": repr(repr(value)),
        "base64": base64.b64encode(value.encode()).decode(),
        "base64, for URLs": base64.urlsafe_b64encode(value.encode()).decode(),
        "hexadecimal": value.encode().hex(),
        "folded": value.replace(" ", "\n      "),
        **{
            f"base64 behind {n}": base64.b64encode(b"u" * n + value.encode() + b"-end").decode()
            for n in range(4)
        },
    }
    assert {name: text for name, text in texts.items() if HIDDEN not in hide(text)} == {}
    assert [name for name, text in texts.items() if value in hide(text)] == []


@pytest.mark.parametrize(
    "value",
    [
        "application/json",
        "text/event-stream",
        "en-US",
        "2025-11-25",
        "127.0.0.1:8000",
        "staging",
        "abc",
        "123456",
    ],
)
def test_plain_words_stay(value: str) -> None:
    """An output without its words could not be read."""
    sources.header("X-Any", value)
    assert hide(f"it said {value}!") == f"it said {value}!"


@pytest.mark.parametrize("value", ["abc", "12345", "password", "token", "localhost"])
def test_what_is_short_or_common_is_hidden_in_its_place_only(value: str) -> None:
    """Even if it is certain that it is a secret."""
    hiding.learn(value)
    assert hide(f"it said {value}!") == f"it said {value}!"


SECRET = "Zq7-secret/9"
Q = quote(SECRET, safe="")


@pytest.mark.parametrize(
    "argv",
    [
        [f"-HAuthorization: Bearer {SECRET}"],
        ["-H", f"X-Any: {SECRET}"],
        [f"--header=Cookie: a=1; sid={SECRET}"],
        ["-H", SECRET],  # without a colon
        ["-H", f"Authorization: Basic {base64.b64encode(f'me:{SECRET}'.encode()).decode()}"],
        ["--url", f"http://me:{Q}@127.0.0.1/mcp"],
        ["--url", f"http://{Q}@127.0.0.1/mcp"],
        ["--url", f"me:{Q}@127.0.0.1/mcp"],
        [f"--url=http://me:{Q}@[::1/mcp"],  # no address
        ["--url", f"http://127.0.0.1/mcp?x={Q}"],
        ["--url", f"http://127.0.0.1/mcp#access_token={Q}"],
        ["--url", f"http://127.0.0.1/s/{SECRET.replace('/', '-')}-{'k7' * 9}/mcp"],
        ["--alert", f"http://127.0.0.1/services/{Q}"],
        ["--args", json.dumps({"token": SECRET})],
        ["--args", f'{{"token": "{SECRET}", broken'],
        ["--target-options", f"--database-url postgres://me:{Q}@h/db"],
        ["discover", f"https://me:{Q}@h/"],
        ["-H", "Authorization:", "Bearer", SECRET],  # without quotes
        ["-H", "X-Any:", SECRET],
        ["--url", f"http://127.0.0.1/mcp?{Q}"],
        ["--token", SECRET],
        [f"--api-key={SECRET}"],
        ["sh", "-c", f"PGPASSWORD={SECRET} exec server --token {SECRET}"],
    ],
    ids=str,
)
def test_a_secret_on_a_command_line_is_known(argv: list[str]) -> None:
    """Whichever way it was typed."""
    sources.command(["harness", "ramp", *argv])
    piece = SECRET.replace("/", "-") + "-" + "k7" * 9 if "/s/" in str(argv) else SECRET
    assert hide(f"so: {piece}") == f"so: {HIDDEN}"


def test_an_environment_is_looked_through_by_its_names() -> None:
    """Values of secret names, passwords of URLs, paths of webhooks; what is a place or a switch stays."""
    sources.environment(
        {
            "MY_TOKEN": "tok-1-Zq7",
            "DB_PWD": "pwd-2-Zq7",
            "DATABASE_URL": "postgresql://me:pw-3-Zq7@h/db",
            "SLACK_WEBHOOK_URL": "https://hooks.example/services/T0/B0/hook4Zq7",
            "PWD": "/home/me9x/work",
            "SSH_AUTH_SOCK": "/run/user/9x/agent",
            "PATH": "/usr/bin:/opt/9x/bin",
        }
    )
    for secret in ("tok-1-Zq7", "pwd-2-Zq7", "pw-3-Zq7", "hook4Zq7"):
        assert secret not in hide(f"[{secret}]")
    kept = "/home/me9x/work /run/user/9x/agent /opt/9x/bin"
    assert hide(kept) == kept


def test_words_in_the_place_of_an_address_are_looked_through() -> None:
    """As PostgreSQL's own programs take them."""
    sources.environment({"HARNESS_HISTORY_URL": "host=127.0.0.1 user=me password=s3cr3t-words-1 dbname=x"})

    assert "s3cr3t-words-1" not in hiding.hide("it said s3cr3t-words-1")


def test_an_experiment_is_looked_through() -> None:
    """Its secrets, configuration, headers, addresses and arguments."""
    experiment = {
        "configuration": {"one": {"type": "env", "key": "SOME_TOKEN"}, "api_key": "conf-2-Zq7"},
        "secrets": {"s": {"t": {"type": "env", "key": "S"}, "v": "vault-3-Zq7"}},
        "method": [
            {
                "provider": {
                    "type": "http",
                    "url": "http://h/?token=query-4-Zq7",
                    "headers": {"X": "head-5-Zq7"},
                }
            },
            {"provider": {"type": "process", "path": "x", "arguments": "--token arg-6-Zq7 y"}},
            {"provider": {"type": "process", "path": "x", "arguments": ["--password", "arg-7-Zq7"]}},
        ],
    }
    sources.tree(experiment, environ={"SOME_TOKEN": "env-1-Zq7", "S": "env-8-Zq7"})
    text = " ".join(
        f"{name}-{n}-Zq7"
        for n, name in enumerate(["env", "conf", "vault", "query", "head", "arg", "arg", "env"], 1)
    )
    assert hide(text) == " ".join([HIDDEN] * 8)


def test_keys_and_numbers_stay() -> None:
    """A secret that is called like a key of ours does not take the key away."""
    hiding.learn("success_rate")
    hiding.learn("1234567890")
    value = {"success_rate": 1234567890, "said": ["success_rate", "id 1234567890."], "a success_rate b": 1}
    assert hiding.hide_in(value) == {
        "success_rate": 1234567890,
        "said": [HIDDEN, f"id {HIDDEN}."],
        f"a {HIDDEN} b": 1,
    }
    assert hide("at 91234567890 and 1234567890.5") == "at 91234567890 and 1234567890.5"


def test_the_beginning_of_a_secret_that_was_cut_is_hidden() -> None:
    """A server's words are kept up to a length."""
    hiding.learn("s3cr3t-value")
    assert hiding.hide_cut("x" * 90 + " s3cr3t-va") == "x" * 90 + " " + HIDDEN


def test_a_value_of_the_environment_is_shown_as_its_reference() -> None:
    """So a scenario that was written down can be run again."""
    hiding.learn("tok-1-Zq7")
    sources.reference("MY_TOKEN", "tok-1-Zq7")
    assert hide("Bearer tok-1-Zq7") == "Bearer ${MY_TOKEN}"


@given(st.text(), st.text(max_size=20))
def test_any_value_can_be_learnt_and_any_text_be_hidden(text: str, value: str) -> None:
    """Bytes that are no text, too."""
    hiding.forget()
    sources.command(["-H", value, "--url", value, "--args", value, f"--token={value}"])
    sources.tree({"headers": {"x": value}, "url": value, "arguments": value, "alert": value})
    assert hide(hide(text)) is not None
    hiding.learn(value + "\udc80abcdef")
    hide(text)


def test_so_many_secrets_that_each_text_would_be_searched_for_ever_are_refused() -> None:
    """And up to then each is hidden; a file of a megabyte could name fifty thousand."""
    hiding.forget()
    line = [f"token=Xy{number}dZqwe" for number in range(hiding.VALUES_MOST)]
    sources.command(line)
    assert hide(line[0]) == hide(line[-1]) == f"token={HIDDEN}"
    with pytest.raises(UsageError, match="more than 1,000 secrets"):
        hiding.learn("one-more-Zq7")


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000,
        "token" * 20_000,
        " -" + "token" * 20_000,
        "--token" + " " * 100_000,
        "a.b+c-" * 20_000,
        "://" + "@" * 100_000,
        "bearer" + " " * 100_000,
    ],
)
def test_the_time_to_look_for_secrets_grows_with_the_length_of_a_text_alone(text: str) -> None:
    """With the square of its length these would take minutes: the limit of the test run would end them."""
    sources.command([text])
    hiding.forget()


def test_a_long_word_hides_no_secret_behind_it() -> None:
    """Patterns look at a part of a long word only."""
    hiding.forget()
    sources.command(["x" * 500 + "://somebody:hunter2secret@host/?sig=Zq7tok91x"])
    assert hide("hunter2secret Zq7tok91x") == f"{HIDDEN} {HIDDEN}"
    hiding.forget()
