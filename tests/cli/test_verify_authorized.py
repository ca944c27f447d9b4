"""`harness verify` with tokens and certificates by flags, as the load commands take them."""

import asyncio
import ssl
from pathlib import Path

import pytest

from harness.cli import main
from tests.fakes import doors
from tests.fakes.oauth_server import CLIENT, SECRET, OAuthServer, oauth_server

CREDENTIALS = f"oauth:client_id={CLIENT},client_secret=${{SECRET}}"
SPEC = "auth: {required: true, discovery: true}\n"
QUICK = ("--category", "auth", "--category", "protocol", "--category", "concurrency", "--keep-going")


async def ran(*argv: str) -> int:
    return await asyncio.to_thread(main.run, ["verify", "--no-history", *argv])


def flags(server: OAuthServer, tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "verify.yaml").write_text(SPEC)
    return (
        "--url",
        server.mcp_url,
        "--out",
        str(tmp_path / "out"),
        "--spec",
        str(tmp_path / "verify.yaml"),
        *QUICK,
    )


@pytest.mark.parts
@pytest.mark.parametrize("lives_s", [0.5, 3_600.0])
async def test_a_token_is_asked_for_and_renewed_in_time(
    lives_s: float, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short it lives, no check fails for it; who brings no token, or a bad one, is refused; no token is kept."""
    monkeypatch.setenv("SECRET", SECRET)
    with oauth_server(lives_s=lives_s) as server:
        await ran(*flags(server, tmp_path), "--auth", CREDENTIALS)
        given, renewed = {*server.granted}, len(server.granted)
    shown = capsys.readouterr()
    lines = {
        line[16:80].strip(): line[:2] for line in shown.out.splitlines() if line[:2] in {"ok", "NO", "??"}
    }

    assert lines["who brings no credentials is refused"] == "ok"
    assert lines["who brings bad credentials is refused"] == "ok"
    assert lines["clients can find out who gives credentials"] == "ok"
    assert lines["it speaks mcp"] == "ok"
    assert lines["many clients at once are all answered"] == "ok"
    assert "??" not in lines.values()
    assert (renewed > 1) is (lives_s < 1)
    assert not given & {header.removeprefix("Bearer ") for header in server.unauthorized}
    for path in (tmp_path / "out").rglob("*"):
        text = path.read_bytes().decode("latin-1") if path.is_file() else ""
        assert [secret for secret in (SECRET, *given) if secret in text] == [], path


async def test_a_client_that_nobody_knows_ends_it_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, with the reason of the server of tokens; nothing is checked."""
    monkeypatch.setenv("SECRET", "another")
    with oauth_server() as server:
        code = await ran(*flags(server, tmp_path), "--auth", CREDENTIALS)
    err = capsys.readouterr().err

    assert code == 2
    assert "gives load-test no token" in err
    assert "invalid_client" in err


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("--command", "true", "--auth", "bearer:${SECRET}"), "takes no headers"),
        (("--deploy-simulation", "--auth", "bearer:${SECRET}"), "--auth is for a deployment at --url"),
        (("--url", "http://127.0.0.1:9/mcp", "--auth", "bearer:Sp0ken-aloud"), "is written out, and is a secret"),
        (("--url", "http://127.0.0.1:9/mcp", "--auth", "basic:x"), "--auth cannot be read"),
        (
            ("--url", "http://127.0.0.1:9/mcp", "--auth", "bearer:${SECRET}", "-H", "authorization: x"),
            "There are two credentials",
        ),
    ],
)  # fmt: skip
async def test_what_does_not_go_together_is_said_and_no_secret_with_it(
    argv: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2."""
    monkeypatch.setenv("SECRET", SECRET)

    assert await ran(*argv) == 2
    err = capsys.readouterr().err
    assert why in err
    assert "Sp0ken-aloud" not in err


@pytest.mark.parts  # openssl makes the certificate
async def test_certificates_are_given_by_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A client's certificate for a server that asks for one, its authority; --insecure is said loudly."""
    certificate, key = map(str, doors.certificates(tmp_path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certificate)
    with doors.behind_tls(context) as server:
        here = (
            "--url",
            f"{server.url}/mcp",
            "--out",
            str(tmp_path / "out"),
            "-k",
            "somebody_answers or speaks_mcp",
        )
        without = await ran(*here, "--cacert", certificate)
        mutual = await ran(*here, "--cacert", certificate, "--cert", certificate, "--key", key)
        capsys.readouterr()
        insecure = await ran(*here, "--insecure", "--cert", certificate, "--key", key)
    assert without in {1, 4}  # TLS 1.3 tells whoever has no certificate after the handshake
    assert (mutual, insecure) == (0, 0)
    assert "certificates are not checked" in capsys.readouterr().err.lower()
