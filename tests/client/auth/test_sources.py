"""Where tokens come from: a real OAuth server on loopback, commands, files; and what is said when there is none."""

import gzip
import os
import sys
import tracemalloc
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.client.auth.fetching import BODY_BYTES_MAX, Fetching
from harness.client.auth.keeping import is_here
from harness.client.auth.sources import source
from harness.foundation.addresses import resolved
from harness.foundation.clock import RealClock
from harness.foundation.errors import TargetUnreachableError, UsageError
from harness.foundation.secrets import hiding
from harness.scenario.auth import Auth, OAuth, Secret
from tests.fakes.oauth_server import CLIENT, REFRESH, SECRET, OAuthServer, oauth_server


def client(**more: Any) -> Auth:
    told: dict[str, Any] = {"client_id": CLIENT, "client_secret": Secret(value=SECRET)}
    return Auth(oauth=OAuth(**(told | more)))


async def asked(
    auth: Auth, server: OAuthServer, times: int = 1, environ: Mapping[str, str] = {}
) -> list[str]:
    ask = source(auth, server.mcp_url, Fetching((), environ), RealClock())
    return [(await ask()).value for _ in range(times)]


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"methods": ("client_secret_post",)},
        {"methods": ("client_secret_basic",)},
        {"has_metadata": False},
    ],
    ids=["as most do", "the secret in the form only", "in a header only", "before 2025-06-18"],
)
async def test_a_client_gets_tokens_by_what_the_server_says_of_itself(how: dict[str, Any]) -> None:
    """401, its metadata, its authorization server's, the token endpoint; the resource is named where it has metadata."""
    with oauth_server(**how) as server:
        assert await asked(client(), server, 2) == server.granted
        assert {form["grant_type"] for form in server.asked} == {"client_credentials"}
        assert [form.get("resource") for form in server.asked] == [
            server.mcp_url if server.has_metadata else None
        ] * 2
        assert len(server.unauthorized) == 1  # asked once what it wants
        assert hiding.hide(f"it said {server.granted[0]}") == "it said (hidden)"


@pytest.mark.parametrize("named", ["issuer", "token_url"])
async def test_who_knows_better_names_the_place(named: str) -> None:
    """Then the server under test is not asked."""
    with oauth_server() as server:
        place = server.url if named == "issuer" else f"{server.url}/token"
        assert await asked(client(**{named: place, "scope": "a b"}), server) == server.granted
        assert (server.asked[0]["scope"], server.unauthorized) == ("a b", [])


async def test_a_refresh_token_that_is_replaced_is_used_from_then_on() -> None:
    """Servers that rotate them take each one once."""
    with oauth_server(rotates=True) as server:
        auth = client(refresh_token=Secret(value=REFRESH))
        assert await asked(auth, server, 3) == server.granted
        assert server.asked[0]["refresh_token"] == REFRESH
        assert len({form["refresh_token"] for form in server.asked}) == 3


@pytest.mark.parametrize(
    ("how", "auth", "said"),
    [
        ({}, client(client_secret=Secret(value="wr0ng-secret")), "invalid_client: nobody knows it"),
        ({}, client(refresh_token=Secret(value="wr0ng-refresh")), "invalid_grant"),
        ({"resource": "http://127.0.0.1:1/other"}, client(), "another server's"),
        ({"issuer": "http://127.0.0.1:1"}, client(), "does not answer"),
        ({"fails": 9}, client(), "HTTP 503"),
    ],
)
async def test_without_a_token_the_reason_is_said(how: dict[str, Any], auth: Auth, said: str) -> None:
    """And the secret is not."""
    with oauth_server(**how) as server:
        with pytest.raises((UsageError, TargetUnreachableError)) as raised:
            await asked(auth, server)
        assert said in str(raised.value)
        assert "wr0ng" not in str(raised.value)
        assert SECRET not in str(raised.value)


@pytest.mark.parametrize("issuer", ["http://169.254.169.254/", "http://10.0.0.1/", "https://tokens.invalid/"])
async def test_an_address_that_metadata_names_is_vetted_like_the_target(issuer: str) -> None:
    """The server under test could send us anywhere."""
    with oauth_server(issuer=issuer) as server, pytest.raises(UsageError, match="is not this machine"):
        await asked(client(), server)


@pytest.mark.parametrize(
    "bad", ["http://[::1", "http://[v1.x]/", "http://127.0.0.1:99999/", "//", "", "\ud800", "http://a\r\nb/"]
)
@pytest.mark.parametrize("key", ["issuer", "resource"])
async def test_metadata_that_names_no_address_is_no_bug(key: str, bad: str) -> None:
    """The error is of a few lines, and repeats nothing that moves a cursor."""
    with (
        oauth_server(**{key: bad or " "}) as server,
        pytest.raises((UsageError, TargetUnreachableError)) as raised,
    ):
        await asked(client(), server)
    assert len(raised.value.lines()) <= 3
    assert all(line.isprintable() for line in raised.value.lines())


async def test_a_server_elsewhere_cannot_send_us_to_this_machine() -> None:
    """What listens here trusts whoever is here; the address that the user names, or allows, is the user's."""
    with oauth_server() as server:
        for allowed, here in (((), True), (("127.0.0.1",), False)):
            ask = source(client(), server.mcp_url, Fetching(allowed, {}, here=here), RealClock())
            assert (await ask()).value == server.granted[-1]
        before = len(server.asked)
        with pytest.raises(UsageError, match="is this machine, and who names it is another one"):
            await source(client(), server.mcp_url, Fetching((), {}, here=False), RealClock())()
        with pytest.raises(UsageError, match="is this machine, and who names it is another one"):
            await Fetching((), {}).post(f"{server.url}/token", "x", {}, {}, from_here=False)
        named = client(token_url=f"{server.url}/token")
        assert (await source(named, server.mcp_url, Fetching((), {}, here=False), RealClock())()).value
        assert len(server.asked) == before + 1


@pytest.mark.parametrize(
    ("url", "here"),
    [("http://127.0.0.1:1/mcp", True), ("http://[::1]:1/", True), ("http+unix://%2Frun%2Fx/mcp", True),
     ("http://one.test/", True), ("http://two.test/", False), ("http://10.0.0.1/", False), ("http://unknown.test/", False)],
)  # fmt: skip
def test_where_a_server_is_follows_from_what_was_vetted(url: str, here: bool) -> None:
    """One that is partly elsewhere is elsewhere."""
    with resolved.in_force({"one.test": ("127.0.0.1",), "two.test": ("127.0.0.1", "10.0.0.1")}):
        assert is_here(url) is here


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
async def test_what_is_small_and_expands_without_end_is_not_held(encoding: str) -> None:
    """A compressed answer has the bounds of any other; one that cannot be read is no JSON."""
    spaces = b" " * 50_000_000
    packed = {"gzip": gzip.compress(spaces), "deflate": zlib.compress(spaces)}.get(encoding, b"\x03" * 1_000)
    with oauth_server(answer=packed, encoding=encoding) as server:
        tracemalloc.start()
        try:
            answer = await Fetching((), {}).get(f"{server.url}/token", "x")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert (answer.status, answer.data) == (200, {})
        assert peak < 10 * BODY_BYTES_MAX


async def test_a_compressed_answer_is_read() -> None:
    """Some gateways compress whatever they are asked."""
    with oauth_server(answer=gzip.compress(b'{"a": 1}'), encoding="gzip") as server:
        assert (await Fetching((), {}).get(f"{server.url}/token", "x")).data == {"a": 1}


@pytest.mark.parametrize(
    ("word", "hidden"), [("success_rate", False), ("verdict", False), ("T0ken.of-a8f3", True)]
)
async def test_a_token_that_is_a_plain_word_takes_no_word_out_of_a_report(word: str, hidden: bool) -> None:
    """Whoever gives tokens would else say what can be read."""
    with oauth_server(token_value=word) as server:
        assert await asked(client(), server) == [word]
    assert (hiding.hide(word) != word) is hidden


async def test_a_secret_goes_to_no_other_machine_over_plain_http() -> None:
    """Even when that host may be loaded."""
    fetching = Fetching(("10.0.0.1",), {})
    with pytest.raises(UsageError, match="plain HTTP"):
        await fetching.post("http://10.0.0.1:9/token", "token_url", {"a": "b"}, {})


@pytest.mark.parts
async def test_a_command_prints_a_token_and_is_run_again_for_the_next() -> None:
    """A line of the shell; what it writes to its error output is not the token."""
    with oauth_server() as server:
        printing = Auth(command=["/bin/sh", "-c", "echo noise >&2; echo T0ken-of-$$"])
        first, second = await asked(printing, server, 2)
        assert first.startswith("T0ken-of-")
        assert first != second


@pytest.mark.parts
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("echo please log in >&2; exit 3", "exit code 3: please log in"),
        ("echo one two", "printed no token"),
        (f"{sys.executable} -c 'print(\"x\" * 100_000)'", "65,536 bytes"),
        ("/no/such/program", "exit code 127"),
    ],
)
async def test_a_command_that_prints_no_token_is_told_of(line: str, said: str) -> None:
    """With its last line, and the command to try by hand."""
    with oauth_server() as server, pytest.raises(UsageError) as raised:
        await asked(Auth(command=["/bin/sh", "-c", line]), server)
    assert said in str(raised.value)


async def test_a_token_in_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    """As Kubernetes replaces those that it mounts."""
    file = tmp_path / "token"
    file.write_text("T0ken-in-a-file\n")
    with oauth_server() as server:
        ask = source(
            Auth(bearer=Secret(file=str(file))), server.mcp_url, Fetching((), os.environ), RealClock()
        )
        assert (await ask()).value == "T0ken-in-a-file"
        file.write_text("T0ken-that-is-newer\n")
        assert (await ask()).value == "T0ken-that-is-newer"
        file.unlink()
        with pytest.raises(UsageError, match="cannot be read"):
            await ask()
