"""`harness verify --serve` as it is run: requests of a webhook, verifications of real processes, the end by a signal."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from harness.cli import main
from tests.fakes.deployment import deployed

READY = "harness verify gate ready on "
TOKEN = "t0ken-of-the-gate-88"


@asynccontextmanager
async def gate(*flags: str, out: Path) -> AsyncIterator[tuple[str, "subprocess.Popen[str]"]]:
    argv = [sys.executable, "-m", "harness", "verify", "--serve", "0", "--out", str(out), *flags]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HARNESS_")}
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
    assert process.stdout is not None
    try:
        line = await asyncio.to_thread(process.stdout.readline)
        assert line.startswith(READY), process.communicate()
        yield line.removeprefix(READY).strip(), process
    finally:
        process.kill()
        process.communicate()


async def asked(url: str, accept: str = "*/*") -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.post(url, headers={"Accept": accept}) as reply:
        return reply.status, await reply.text()


async def test_each_request_verifies_the_deployment_as_it_is_then(tmp_path: Path) -> None:
    """200, then 500 with the check that fails; the results of both are kept, and nothing else."""
    async with (
        deployed() as (url, fake),
        gate("--url", url, "-H", f"X-Key: {TOKEN}", out=tmp_path) as (at, process),
    ):
        good = await asked(at)
        fake.wrong.add("ill")
        bad = await asked(at, "application/json")
        process.send_signal(signal.SIGTERM)
        said = await asyncio.to_thread(process.communicate)
    results = json.loads(bad[1])["results"]

    assert good[0] == 200, good[1]
    assert ": fit to serve" in good[1]
    assert bad[0] == 500
    assert [test["name"] for test in results["tests"] if test["status"] == "failed"] == ["health is good"]
    assert TOKEN not in good[1] + bad[1] + "".join(said)
    assert process.returncode == 0
    assert len(list((tmp_path / "verify").glob("2*/report.html"))) == 2


async def test_what_cannot_be_verified_is_500_and_says_why(tmp_path: Path) -> None:
    """A check that can no longer be read, with the three lines of the command; nobody there; nothing that ran."""
    own = tmp_path / "test_p1_own.py"
    own.write_text("def test_it():\n    pass\n")
    async with deployed() as (url, _):
        async with gate("--url", url, str(own), out=tmp_path) as (at, _):
            own.write_text("import no_such_module_anywhere\n")
            broken = await asked(at)
        async with gate("--url", url, "-k", "no_such_check", out=tmp_path) as (at, _):
            empty = await asked(at)
    async with gate("--url", url, out=tmp_path) as (at, _):
        gone = await asked(at)

    assert (broken[0], empty[0], gone[0]) == (500, 500, 500)
    assert "not verified: nothing was verified (exit code 2)" in broken[1]
    assert "no_such_module_anywhere" in broken[1]
    assert "nothing ran" in empty[1]
    assert "not reached" in gone[1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--url", "http://127.0.0.1:1/mcp", "--serve", "here"], "is not [HOST:]PORT"),
        (["--url", "http://127.0.0.1:1/mcp", "--serve", "0", "--list"], "--serve and --list"),
        (["--serve", "0"], "There is nothing to verify"),
        (["--url", "http://192.0.2.1/mcp", "--serve", "0"], "--allow-host 192.0.2.1"),
    ],
)
def test_a_gate_that_could_never_open_is_wrong_use(
    flags: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before it listens."""
    monkeypatch.delenv("HARNESS_URL", raising=False)
    code = main.run(["verify", "--out", str(tmp_path), *flags])

    assert code == 2
    assert said in capsys.readouterr().err
