"""`harness verify` as it is typed: what it prints, what it leaves, and its exit codes."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.cli.verify import CATEGORIES
from harness.verify import finding
from tests.fakes.deployment import deployed

OWN = '''
"""A check of the user's own."""
import pytest
pytestmark = pytest.mark.data

def test_what_was_looked_at_was_seen(client, other_client, unique, cleanup, eventually):
    name = unique("thing")
    cleanup(lambda: print("removed", name))
    assert name.startswith("verify-thing-")
    assert eventually(lambda: client.call("look", {"at": "this"}).outcome == "ok", "it is seen")
    assert other_client.call("look", {"at": "that"}).outcome == "%s"
'''


async def verified(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *flags: str, wrong: str = ""
) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    async with deployed(*filter(None, [wrong])) as (url, _):
        argv = ["verify", "--url", url, "--out", str(tmp_path), *flags]
        code = await asyncio.to_thread(main.run, argv)
    return code, *capsys.readouterr()


@pytest.mark.parts
async def test_a_line_a_check_and_the_sum(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What must hold first; the results are kept."""
    code, out, err = await verified(capsys, tmp_path)
    lines = out.splitlines()

    assert (code, err) == (0, "")
    assert lines[0].startswith("Verifying http://127.0.0.1:")
    assert lines.index("P1, must hold") < lines.index("P2, quality")
    assert lines[lines.index("P1, must hold") + 1].split()[:4] == ["ok", "reach", "somebody", "answers"]
    assert "fake 7: fit to serve (exit code 0)" in lines
    assert (tmp_path / "verify" / "latest" / "junit.xml").is_file()


@pytest.mark.parts
async def test_json_is_one_object_and_the_checklist_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the exit code in it."""
    code, out, err = await verified(
        capsys, tmp_path, "--json", "-H", "X-Key: k3y-of-somebody-77", wrong="any origin"
    )
    report: dict[str, Any] = json.loads(out)["results"]

    assert code == report["extra"]["exit_code"] == 8
    assert report["summary"]["failed"] == 2
    assert "NO  protocol" in err
    assert "k3y-of-somebody-77" not in out + err


@pytest.mark.parts
async def test_checks_are_chosen_by_priority_category_and_pattern(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """All of them at once; a suite in which nothing ran is unknown."""
    _, out, _ = await verified(
        capsys, tmp_path, "--priority", "2", "--category", "sessions", "-k", "unknown", "--json"
    )
    none, said, _ = await verified(capsys, tmp_path, "-k", "no_such_check")

    assert [test["name"] for test in json.loads(out)["results"]["tests"]] == ["an unknown session is refused"]
    assert none == 3
    assert "nothing ran" in said


@pytest.mark.parts
async def test_checks_of_one_s_own_run_beside_the_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """With the same fixtures, and the words of an assertion when it fails."""
    good, bad = tmp_path / "test_p1_own.py", tmp_path / "test_p2_own.py"
    good.write_text(OWN % "ok")
    bad.write_text(OWN % "tool_error")
    code, out, _ = await verified(capsys, tmp_path, "--category", "data", str(good), str(bad))

    assert code == 8
    assert "ok  data        what was looked at was seen" in out
    assert "NO  data        what was looked at was seen" in out
    assert "assert 'ok' == 'tool_error'" in out
    assert "1 passed, 1 failed" in out


@pytest.mark.parts
def test_nobody_there_is_exit_4_and_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Nothing else is tried."""
    code = main.run(["verify", "--url", "http://127.0.0.1:1/mcp", "--out", str(tmp_path)])
    out, _ = capsys.readouterr()

    assert code == 4
    assert "NO  reach       somebody answers" in out
    assert "not reached: nothing to verify" in out
    assert "ok " not in out


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "There is nothing to verify"),
        (["--url", ""], "--url is empty"),
        (["--url", "http://192.0.2.1/mcp"], "--allow-host 192.0.2.1"),
        (["--url", "ftp://127.0.0.1/mcp"], "begins with none of"),
        (["--url", "http://127.0.0.1/mcp", "-H", "no colon"], "is not a header"),
        (["--url", "http://127.0.0.1/mcp", "no-such-file.py"], "no-such-file.py"),
        (["--url", "http://127.0.0.1/mcp", "--category", "colour"], "colour"),
    ],
)
def test_wrong_use_is_exit_2_before_anything_is_sent(
    flags: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With what to do."""
    monkeypatch.delenv("HARNESS_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    code = main.run(["verify", *flags])
    out, err = capsys.readouterr()

    assert code == 2
    assert said in err
    assert "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parts
def test_a_check_that_cannot_be_read_is_exit_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its file is named."""
    broken = tmp_path / "test_p1_broken.py"
    broken.write_text("import no_such_module_anywhere\n")
    code = main.run(["verify", "--url", "http://127.0.0.1:1/mcp", "--out", str(tmp_path), str(broken)])
    _, err = capsys.readouterr()

    assert code == 2
    assert "test_p1_broken.py" in err
    assert "no_such_module_anywhere" in err


def test_the_list_names_every_check_and_reaches_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order in which they would run."""
    assert main.run(["verify", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert main.run(["verify", "--list", "--json", "--priority", "1"]) == 0
    first = json.loads(capsys.readouterr().out)

    assert lines[0].split() == ["P1", "reach", "test_p1_reach.py::test_somebody_answers"]
    assert [line[:2] for line in lines] == sorted(line[:2] for line in lines)
    assert len(first) == sum(line.startswith("P1") for line in lines)
    assert {each["priority"] for each in first} == {1}


def test_the_categories_are_those_of_the_marks() -> None:
    """The command knows them without importing pytest, so that help is quick."""
    assert tuple(finding.CATEGORIES) == CATEGORIES


@pytest.mark.parts
async def test_plain_pytest_runs_the_same_checks_with_the_plug_in(tmp_path: Path) -> None:
    """And leaves other tests of the same folder alone."""
    (tmp_path / "test_p1_own.py").write_text(OWN % "tool_error")
    (tmp_path / "test_other.py").write_text("def test_other():\n    assert True\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    async with deployed() as (url, _):
        argv = [
            "-m",
            "pytest",
            "-p",
            "harness.verify.plugin",
            f"--verify-url={url}",
            "--verify-keep-going",
            ".",
        ]
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, *argv], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    assert "assert 'ok' == 'tool_error'" in done.stdout


@pytest.mark.parts
async def test_what_cannot_be_removed_is_a_failure(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of a check that passed otherwise; what was registered after it is removed all the same."""
    own = tmp_path / "test_p1_own.py"
    own.write_text(
        "from pathlib import Path\n"
        "def test_it(cleanup, tmp_path):\n"
        "    (made := Path(__file__).with_name('made')).touch()\n"
        "    cleanup(lambda: Path(__file__).with_name('never there').unlink())\n"
        "    cleanup(made.unlink)\n"
    )
    code, out, _ = await verified(capsys, tmp_path, "-k", "test_it", str(own))

    assert code == 1
    assert "what it made could not be removed" in out
    assert not (tmp_path / "made").exists()
