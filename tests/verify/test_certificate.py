"""TLS: a certificate that nobody vouches for, one that is about to end, and one that is good, by a real handshake."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests import getting
from tests.fakes.deployment import Deployment

NAME = "the certificate is valid for long enough"


def certificate(place: Path, days: int) -> Path:
    """For 127.0.0.1, signed by itself; with its key. A negative number of days is in the past."""
    path = place / f"{days}.pem"
    if days < 0:
        return expired(place, path)
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext",
        "subjectAltName=IP:127.0.0.1", "-days", str(days), "-keyout", str(path), "-out", str(place / "only.pem"),
    ]  # fmt: skip
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(getting.openssl(error))
    path.write_text(path.read_text() + (place / "only.pem").read_text())
    return path


OWN_AUTHORITY = """
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = ext
[any]
commonName = supplied
[ext]
subjectAltName = IP:127.0.0.1
basicConstraints = critical, CA:TRUE
"""


def expired(place: Path, path: Path) -> Path:
    """One whose time is over."""
    for name, text in (("ca.cnf", OWN_AUTHORITY), ("index.txt", ""), ("serial", "01\n")):
        (place / name).write_text(text)
    ask = [
        "openssl",
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=127.0.0.1",
        "-keyout",
        str(path),
        "-out",
        "asked.csr",
    ]
    sign = [
        "openssl", "ca", "-batch", "-selfsign", "-config", "ca.cnf", "-in", "asked.csr", "-keyfile", str(path), "-out", "only.pem", "-notext",
        "-startdate", "20200101000000Z", "-enddate", "20200201000000Z",
    ]  # fmt: skip
    try:
        for command in (ask, sign):
            subprocess.run(command, check=True, capture_output=True, cwd=place)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(getting.openssl(error))
    path.write_text(path.read_text() + (place / "only.pem").read_text())
    return path


@asynccontextmanager
async def served(certified: Path) -> AsyncIterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certified)
    app, fake = web.Application(), Deployment()
    app.router.add_post("/mcp", fake.post)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}/mcp"
    finally:
        await runner.cleanup()


@pytest.mark.parts
@pytest.mark.parametrize(
    ("days", "trusted", "code", "why"),
    [
        (90, True, 0, ""),
        (3, True, 1, "ends in 2 days"),
        (-1, True, 1, "clients refuse its certificate: certificate has expired"),
        (90, False, 1, "clients refuse its certificate: self-signed"),
    ],
)
async def test_a_certificate_is_judged_as_a_client_would(
    days: int, trusted: bool, code: int, why: str, tmp_path: Path
) -> None:
    """By the system's authorities; a server that cannot prove who it is has been reached all the same."""
    certified = certificate(tmp_path, days)
    environ = {**os.environ, "SSL_CERT_FILE": str(certified)} if trusted else os.environ
    flags = ["--json", "--out", str(tmp_path / "out"), "-k", "certificate or somebody"]
    async with served(certified) as url:
        argv = [sys.executable, "-m", "harness", "verify", "--url", url, *flags]
        done = await asyncio.to_thread(
            subprocess.run, argv, env=environ, capture_output=True, text=True, check=False
        )
    assert done.stdout, done.stderr
    found = {test["name"]: test for test in json.loads(done.stdout)["results"]["tests"]}

    assert found["somebody answers"]["status"] == "passed", found
    assert found[NAME]["status"] == ("passed" if not code else "failed")
    assert why in found[NAME].get("message", "")
    assert done.returncode == code
