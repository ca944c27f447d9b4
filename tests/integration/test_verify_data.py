"""What a verification writes to a deployment is gone afterwards: when a check fails, after a kill -9, and with many beside each other."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from harness.run_directory.undo import read_open
from tests.e2e import verify_kills
from tests.fakes.deployment import deployed

FAILS = '''
"""Fails in the middle."""
import pytest
pytestmark = pytest.mark.data

@pytest.mark.parametrize("round", range(8))
def test_it(client, unique, cleanup, round):
    name = unique("thing")
    cleanup.tool("drop", {"id": name})
    assert client.call("put", {"id": name}).outcome == "ok"
    assert round % 2
'''


async def test_nothing_is_left_of_a_verification_that_was_killed_in_the_middle(tmp_path: Path) -> None:
    """`make verify-kills` does it twenty times."""
    left, writes = await verify_kills.killed(tmp_path, 5)

    assert left == set()
    assert writes >= 5


async def test_checks_beside_each_other_leave_nothing_and_touch_nobody_else_s(tmp_path: Path) -> None:
    """Plain pytest with two workers, and checks that fail; each worker has a journal of its own, which is worked off."""
    (tmp_path / "test_p1_own.py").write_text(FAILS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("HARNESS_")}
    async with deployed() as (url, fake):
        fake.kept["somebody else's"] = "another"
        argv = [
            sys.executable, "-m", "pytest", "-p", "harness.verify.plugin", f"--verify-url={url}", "--verify-keep-going",
            "--verify-allow-writes", "--verify-out=out", "-n", "2", "-p", "no:cacheprovider", ".",
        ]  # fmt: skip
        done = await asyncio.to_thread(
            subprocess.run, argv, cwd=tmp_path, capture_output=True, text=True, check=False, env=environ
        )
    journals = list((tmp_path / "out" / "verify").glob("*/undo.jsonl"))

    assert "4 failed, 4 passed" in done.stdout, done.stdout + done.stderr
    assert len(set(fake.ever)) == 8
    assert set(fake.kept) == {"somebody else's"}
    assert len(journals) == 2
    assert [read_open(each) for each in journals] == [[], []]


async def test_what_could_not_be_removed_stays_listed_with_how_to_do_it(tmp_path: Path) -> None:
    """The check fails for it, and so does whoever looks later."""
    (tmp_path / "verify.yaml").write_text(verify_kills.SPEC)
    async with deployed("nothing is removed") as (url, fake):
        argv = [
            sys.executable, "-m", "harness", "verify", "--url", url, "--allow-writes", "--out", str(tmp_path), "--category", "data",
            str(tmp_path / "verify.yaml"),
        ]  # fmt: skip
        done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, check=False)
    (undo,) = (tmp_path / "verify").glob("2*/undo.jsonl")

    assert done.returncode == 1
    assert "what it made could not be removed" in done.stdout
    assert [entry.data["told"] for entry in read_open(undo)] == [f'call drop with {{"id": "{fake.ever[0]}"}}']
