"""`harness nightly` against a real server: the run stands beside an earlier one of this machine."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.run_directory.metadata import machine
from tests.e2e.disturbed import assert_no_reason_but_the_machine
from tests.fakes.mcp_server import mcp_server
from tests.history.past import past

TINY = """
name: tiny
workload: [{call: echo}]
think: false
load: [{name: steady, sustain: {users: 2, for: 1s}}]
"""


async def test_a_night_is_put_beside_the_one_before(harness: Callable[..., Any], tmp_path: Path) -> None:
    """--json stays one object; the pair is in the run directory, and on the page of the CI job."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    page = tmp_path / "page.md"
    before = past(tmp_path / "out", 1, "tiny", machine=machine())
    async with mcp_server() as url:
        command = harness(
            "nightly", str(tmp_path / "tiny.yaml"), "--url", url, "--json", GITHUB_STEP_SUMMARY=str(page)
        )
        await asyncio.to_thread(assert_no_reason_but_the_machine, command)

    summary = command.summary()
    run_dir = Path(summary["run_dir"])
    pair = json.loads((run_dir / "nightly.json").read_text())["pair"]
    assert (pair["was"], pair["now"]) == (before.name, summary["run_id"])
    assert (pair["figures"][0]["was"], pair["figures"][0]["now"]) == (
        200.0,
        summary["totals"]["throughput_rps"],
    )
    assert "only describes" in command.stderr
    assert (run_dir / "nightly.md").read_text() in page.read_text()
