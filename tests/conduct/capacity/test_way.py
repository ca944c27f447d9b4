"""leak, idle and sessions are somebody to the server as the load commands are: by a token that is renewed, and by certificates."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.foundation.errors import PASSED, UsageError
from tests.fakes.oauth_server import CLIENT, SECRET, oauth_server

CREDENTIALS = f"oauth:client_id={CLIENT},client_secret=${{SECRET}}"
SHORT = {"leak": ("--for", "1s", "--rate", "4/s", "--call", "echo"), "idle": ("--for", "0.3s", "--kind", "connection", "--kind", "session"), "sessions": ("--max", "3", "--for", "0s", "--after", "0.3s")}  # fmt: skip


@pytest.mark.parametrize("name", SHORT)
def test_they_are_let_in_with_a_token(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --auth; the secret and the token are in nothing that they leave."""
    monkeypatch.setenv("SECRET", SECRET)
    with oauth_server() as server:
        given = [name, "--url", server.mcp_url, "--auth", CREDENTIALS, "--out", str(tmp_path), *SHORT[name]]
        done = CliRunner().invoke(cli, [*given, "--json"], standalone_mode=False)
        assert done.exception is None
        told = json.loads(done.stdout)
        if name == "leak":
            assert server.calls > 0
        elif name == "sessions":
            assert (done.return_value, told["alive"]["answer"]) == (PASSED, 3)
        else:
            assert (done.return_value, {one["word"] for one in told["held"]}) == (PASSED, {"held"})
        written = done.stdout + "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
        assert [secret for secret in (SECRET, *server.granted) if secret in written] == []


@pytest.mark.parametrize("name", SHORT)
@pytest.mark.parametrize(
    ("flags", "what"),
    [
        (["--auth", "bearer:${TOKEN}"], "are for the server at a URL"),
        (["--insecure"], "are for the server at a URL"),
        (["--url", "http://127.0.0.1:9/mcp", "--cacert", "nowhere.pem"], "nowhere.pem"),
        (["--url", "http://127.0.0.1:9/mcp", "--auth", "bearer:written-0ut"], "is written out, and is a secret"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(name: str, flags: list[str], what: str, tmp_path: Path) -> None:
    """Before anybody is asked."""
    done = CliRunner().invoke(cli, [name, "--out", str(tmp_path), *flags], standalone_mode=False)

    assert isinstance(done.exception, UsageError)
    assert what in done.exception.what
    assert "written-0ut" not in str(done.exception)
