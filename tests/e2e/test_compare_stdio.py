"""`harness compare --scenario` of a server over stdio and one with a URL: real runs, by turns."""

import asyncio
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.disturbed import assert_only_the_machine
from tests.fakes.mcp_server import mcp_server
from tests.fakes.stdio_server import command

SCENARIO = """
name: two
workload: [{call: echo, args: {message: hi}}]
load: [{sustain: {users: 1, for: 3s}}]
think: false
"""
WITHIN_S = 400.0


async def compare(place: Path, a: str, b: str, over_stdio: list[bool]) -> None:
    """A comparison with two runs a side, each over stdio or not: in this order."""
    (place / "two.yaml").write_text(SCENARIO)
    argv = ["--scenario", str(place / "two.yaml"), "--a", a, "--b", b, "--repeats", "2", "--describe"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "harness", "compare", *argv, "--out", str(place), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=os.environ | {"HARNESS_HISTORY": "off"},
    )  # fmt: skip
    async with asyncio.timeout(WITHIN_S):
        out, err = await process.communicate()
    found: list[dict[str, Any]] = [
        json.loads(one.read_text()) for one in sorted(place.glob("two/2*/summary.json"))
    ]
    for one in found:
        assert_only_the_machine(3 if one["verdict"] == "unknown" else 0, one["reasons"], str(one["run_id"]))
    transports = [one["target"]["transport"] == "stdio" for one in found if one["verdict"] != "unknown"]
    if process.returncode == 0:
        sides = json.loads(out)
        assert (sides["a"]["n"], sides["b"]["n"], sides["verdict"] != "not_comparable") == (2, 2, True)
        assert transports == over_stdio
    else:  # more runs of a busy machine were unknown than are made again
        assert process.returncode == 3, err.decode()
        assert sum(one["verdict"] == "unknown" for one in found) > 2
        assert transports == over_stdio[: len(transports)]


@pytest.mark.long
async def test_a_server_over_stdio_is_compared_with_one_that_has_a_url(tmp_path: Path) -> None:
    """Each run has the transport of its side (A B B A); the figures of both are compared."""
    async with mcp_server() as url:
        await compare(tmp_path, shlex.join(command()), url, [True, False, False, True])


@pytest.mark.long
async def test_two_commands_are_compared(tmp_path: Path) -> None:
    """Both speak over stdio."""
    await compare(tmp_path, shlex.join(command()), shlex.join(command()), [True] * 4)
