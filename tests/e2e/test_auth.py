"""Runs against an OAuth server whose tokens live for seconds: no call fails for it; and what is seen when one is revoked."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow.parquet as pq
import pytest

from tests.e2e.disturbed import assert_no_reason_but_the_machine
from tests.e2e.test_secrets import Planted, command_lines, files
from tests.fakes.oauth_server import CLIENT, REFRESH, SECRET, OAuthServer, oauth_server
from tests.waiting import until

Start = Callable[..., Any]
CREDENTIALS = f"oauth:client_id={CLIENT},client_secret=${{SECRET}}"
USERS = 4


def sustained(harness: Start, server: OAuthServer, hold: str, *more: str, auth: str = CREDENTIALS) -> Any:
    load = ("--users", str(USERS), "--for", hold, "--no-think", "--call", "echo", "--json", *more)
    return harness("sustain", "--url", server.mcp_url, "--auth", auth, *load, SECRET=SECRET, REFRESH=REFRESH)


def no_call_failed_for_it(command: Any, server: OAuthServer, tokens: int) -> dict[str, Any]:
    assert_no_reason_but_the_machine(command)
    summary: dict[str, Any] = command.summary()
    told = summary["authorization"]
    assert (told["unauthorized"], told["token_failures"], summary["totals"]["failed"]) == (0, 0, 0)
    assert server.unauthorized == [""]  # the one question what the server wants
    assert told["tokens"] >= tokens
    assert server.calls == summary["totals"]["calls"] + 1  # and the trial before the load
    return summary


@pytest.mark.parametrize(
    ("auth", "how"),
    [pytest.param(CREDENTIALS, {}, marks=pytest.mark.long), (f"oauth:client_id={CLIENT},client_secret=${{SECRET}},refresh_token=${{REFRESH}}", {"rotates": True})],
    ids=["client credentials", "a refresh token that rotates"],
)  # fmt: skip
def test_tokens_that_live_for_seconds_cost_no_call(harness: Start, auth: str, how: dict[str, Any]) -> None:
    """They are renewed before they end, for two workers; and no token, nor the secret, is in what a run leaves."""
    with oauth_server(lives_s=3.0, **how) as server:
        command = sustained(harness, server, "6s", "--workers", "2", auth=auth)
        until(lambda: server.calls > 0)
        shown = "\n".join(command_lines(command.process.pid))
        assert [secret for secret in (SECRET, REFRESH, *server.granted) if secret in shown] == []
        summary = no_call_failed_for_it(command, server, tokens=3)
        secrets = {SECRET, REFRESH, *server.granted}
        for path in Path(summary["run_dir"]).rglob("*"):
            text = path.read_bytes().decode("latin-1") if path.is_file() else ""
            assert [secret for secret in secrets if secret in text] == [], path
        assert [secret for secret in secrets if secret in json.dumps(summary) + command.stderr] == []


@pytest.mark.long
def test_a_minute_with_tokens_of_five_seconds_costs_no_call(harness: Start) -> None:
    """The same for a minute."""
    with oauth_server(lives_s=5.0) as server:
        no_call_failed_for_it(sustained(harness, server, "60s"), server, tokens=18)


def test_a_token_that_is_revoked_is_replaced(harness: Start) -> None:
    """Each user's calls fail until there is a new one, as `unauthorized`; then they go on."""
    with oauth_server(lives_s=3_600.0) as server:
        command = sustained(harness, server, "5s")
        until(lambda: server.calls > 50)
        server.revoke()
        revoked_at = server.calls
        assert_no_reason_but_the_machine(command, may="most calls failed: |.* failed")
        summary = command.summary()
        rows = pq.read_table(Path(summary["run_dir"]) / "samples.parquet").to_pylist()
        refused = [row for row in rows if row["outcome"] == "unauthorized"]

        assert {row["status"] for row in refused} == {401}
        assert summary["authorization"]["unauthorized"] == len(refused) > 0
        assert summary["authorization"]["renewed_after_refusal"] == 1
        assert server.calls > revoked_at + 50
        assert rows[-1]["outcome"] == "ok" or any(
            row["outcome"] == "ok" and row["sent_ns"] > max(each["sent_ns"] for each in refused)
            for row in rows
        )


@pytest.mark.long  # tests/client/auth/test_keeper.py: a failure is told of and tried again
def test_a_server_of_tokens_that_fails_for_a_while_costs_no_call(harness: Start) -> None:
    """It is tried again while the old token is still valid."""
    with oauth_server(lives_s=6.0) as server:
        command = sustained(harness, server, "8s")
        until(lambda: server.calls > 0)
        server.fails = 2
        assert_no_reason_but_the_machine(command)
        summary = command.summary()

        assert (summary["authorization"]["token_failures"], summary["authorization"]["unauthorized"]) == (
            2,
            0,
        )
        assert "there is no new token" in command.stderr


def test_discover_and_a_load_command_say_what_a_401_asks_for(harness: Start) -> None:
    """Exit code 2, with the scheme, the metadata and the flag; with the flag, they work."""
    with oauth_server() as server:
        for argv in (
            ("discover", server.mcp_url),
            ("bench", "--requests", "5", "--url", server.mcp_url, "--call", "echo"),
        ):
            command = harness(*argv)
            assert command.wait(120) == 2
            assert "asks for authorization" in command.stderr
            assert f"{server.url}/.well-known/oauth-protected-resource/mcp" in command.stderr
            assert "--auth 'oauth:client_id=" in command.stderr
        with_it = harness("discover", server.mcp_url, "--auth", CREDENTIALS, SECRET=SECRET)
        assert with_it.wait(120) == 0
        assert "guarded 1" in with_it.stdout


def test_a_secret_that_is_written_out_is_refused_and_not_repeated(harness: Start) -> None:
    """Before anything is asked for."""
    command = harness(
        "discover", "http://127.0.0.1:9/mcp", "--auth", "oauth:client_id=me,client_secret=Sp0ken-aloud"
    )
    assert command.wait(60) == 2
    assert "is written out, and is a secret" in command.stderr
    assert "Sp0ken-aloud" not in command.stderr


# Where credentials come in, and who they are to `--auth`, `target.auth` or a proxy.
ENTRANCES: dict[str, Callable[[Planted, Path], tuple[str, dict[str, str]]]] = {
    "variables": lambda planted, _: (
        "oauth:client_id=load-test,client_secret=${PLANTED_A},refresh_token=${PLANTED_B}",
        {"PLANTED_A": planted("a client secret in a variable", "/+of x"), "PLANTED_B": planted("a refresh token in a variable")},
    ),
    "a command's token": lambda planted, place: (
        f"command:cat {written(place / 'printed', planted('a token that a command prints'))}",
        {},
    ),
    "a bearer token": lambda planted, _: ("bearer:${PLANTED_A}", {"PLANTED_A": planted("a bearer token in a variable")}),
}  # fmt: skip


def written(path: Path, text: str) -> Path:
    path.write_text(text + "\n")
    return path


@pytest.mark.parametrize(
    "entrance",
    [pytest.param(name, marks=() if name == "variables" else pytest.mark.long) for name in ENTRANCES],
)
def test_no_credential_leaves_by_anything_that_a_run_writes(
    entrance: str, harness: Start, tmp_path: Path
) -> None:
    """Not by files, streams, process lists or workers; nor do the tokens that the authorization server gave for it."""
    planted = Planted()
    auth, environment = ENTRANCES[entrance](planted, tmp_path)
    proxy = planted("the password of a proxy", "%2F")
    environment |= {
        "HTTP_PROXY": f"http://me:{proxy}@127.0.0.1:9",
        "HTTPS_PROXY": f"http://me:{proxy}@127.0.0.1:9",
    }
    given = {name: unquote(value) for name, value in planted.values.items()}
    with oauth_server(
        lives_s=2.0,
        secret=given.get("a client secret in a variable", SECRET),
        refresh=given.get("a refresh token in a variable", REFRESH),
        rotates=True,
        known=[value for name, value in given.items() if "token that a command" in name or "bearer" in name],
        echoes=True,
    ) as server:
        command = harness(
            *(
                "sustain",
                "--url",
                server.mcp_url,
                "--auth",
                auth,
                "--users",
                "2",
                "--for",
                "4s",
                "--no-think",
            ),
            *("--call", "echo", "--expect-failures", "--workers", "2", "--json"),
            **environment,
        )
        until(lambda: server.calls > 5 or command.process.poll() is not None)
        seen = {"command lines": "\n".join(command_lines(command.process.pid))}
        command.wait()
        run_dir = Path(command.summary()["run_dir"])
        details = pq.read_table(run_dir / "samples.parquet")["detail"].unique().to_pylist()
        seen |= {
            "standard output": command.stdout,
            "standard error": command.stderr,
            "samples": "\n".join(details),
        }
        seen |= {str(path.relative_to(run_dir)): text for path, text in files(run_dir)}
        for number, token in enumerate({*server.granted, *server.refreshed}):
            planted.values[f"a token that was given, {number}"] = token
        found = {where: what for where, text in seen.items() if (what := planted.found_whole(text))}
        assert found == {}
        assert any(
            re.search(r"\(hidden\)|\$\{PLANTED", detail) for detail in details
        )  # the server repeated it in its errors
        assert entrance != "variables" or (len(server.granted) >= 2 and server.refreshed)
