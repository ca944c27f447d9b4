"""`harness nightly` against a real server: its runs stand beside those of the night before, in an embedded history."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.disturbed import assert_only_the_machine
from tests.fakes.mcp_server import mcp_server

TINY = """
name: tiny
workload: [{call: echo}]
think: false
load: [{name: steady, sustain: {users: 2, for: 1s}}]
"""


@pytest.fixture
def history() -> Iterator[Path]:
    """A directory that the user `nobody` reaches, since PostgreSQL does not run as root."""
    place = Path(tempfile.mkdtemp(prefix="history-"))
    place.chmod(0o711)
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.timeout(300)
@pytest.mark.long
async def test_a_night_of_real_runs_is_put_beside_the_one_before(
    harness: Callable[..., Any], tmp_path: Path, history: Path
) -> None:
    """--json stays one object; what was found is under nights/, and on the page of the CI job."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    page = tmp_path / "page.md"
    told = {"GITHUB_STEP_SUMMARY": str(page), "HARNESS_HISTORY": "on", "HARNESS_HISTORY_DIR": str(history)}
    async with mcp_server() as url:
        command = harness(
            "nightly", str(tmp_path / "tiny.yaml"), "--url", url, "--repeats", "2", "--json", **told
        )
        code = await asyncio.to_thread(command.wait, 240)

    night = json.loads(command.stdout)
    places = [tmp_path / "out" / "tiny" / run["run_id"] for run in night["runs"]]
    reasons = [one for run in places for one in json.loads((run / "summary.json").read_bytes())["reasons"]]
    assert_only_the_machine(code, reasons, command.stderr)
    assert len(night["runs"]) == 2
    assert night["word"] == "no_baseline"
    (folder,) = (tmp_path / "out" / "nights").iterdir()
    assert (folder / "nightly.md").read_text() in page.read_text()
    listed = harness("history", "list", "--json", **told)
    await asyncio.to_thread(listed.wait, 60)
    runs = json.loads(listed.stdout)["runs"]
    assert {run["run_id"] for run in runs} == {run["run_id"] for run in night["runs"]}
    assert {run["night"] for run in runs} == {night["night"]}


@pytest.mark.timeout(400)
async def test_a_nightly_that_is_killed_loses_no_run_that_was_made_and_holds_up_no_other(
    harness: Callable[..., Any], tmp_path: Path, history: Path
) -> None:
    """`kill -9` in its second run: the first is in the history, whole; the night is no baseline; the next one runs."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    told = {"HARNESS_HISTORY": "on", "HARNESS_HISTORY_DIR": str(history)}
    async with mcp_server() as url:
        words = ("nightly", str(tmp_path / "tiny.yaml"), "--url", url, "--json")
        killed = harness(*words, "--repeats", "3", **told)
        runs = tmp_path / "out" / "tiny"
        while len(list(runs.glob("2*"))) < 2:
            assert killed.process.poll() is None, killed.process.communicate()
            await asyncio.sleep(0.05)
        killed.process.kill()
        await asyncio.to_thread(killed.wait, 60)
        first = min(runs.glob("2*"))

        again = harness(*words, "--repeats", "1", **told)
        code = await asyncio.to_thread(again.wait, 240)

    night = json.loads(again.stdout)
    last = json.loads((runs / night["runs"][0]["run_id"] / "summary.json").read_bytes())
    assert_only_the_machine(code, last["reasons"], again.stderr)
    assert night["word"] == "no_baseline"
    listed = harness("history", "list", "--json", **told)
    await asyncio.to_thread(listed.wait, 60)
    found = json.loads(listed.stdout)["runs"]
    assert [run["run_id"] for run in found] == [night["runs"][0]["run_id"], first.name]
    assert found[1]["tags"] == []
