"""The command line: errors in three lines, suggestions, and nothing imported before it is needed."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness import __version__
from harness.cli.main import COMMANDS, run
from harness.run_directory import directory
from harness.run_directory.undo import UndoJournal

SCENARIO = "name: n\nload: [{ramp: {to: 10, step: 5}}]\n"


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["rmap"], 2, "Did you mean `harness ramp`?"),
        (["zzzz"], 2, "See `harness --help` for the commands"),
        (["ramp"], 2, "Missing option '--max'"),
        (["ramp", "--max", "0"], 2, "0 is not in the range x>=1"),
        (["ramp", "--max", "5", "--hold", "-1s"], 2, "'-1s' is not a duration"),
        (["ramp", "--max", "5", "--hold", "0s"], 2, "must be more than zero"),
        (["ramp", "--max", "5", "--hold", "3"], 2, "for example 3s"),
        (["ramp", "--max", "5", "--break-below", "95"], 2, "is not a share"),
        (["ramp", "--max", "5", "--hodl", "3s"], 2, "--hold"),
        (["ramp", "--max", "5", "--args", "{}"], 2, "--args needs --call"),
        (["ramp", "--max", "5", "--call", "t", "--args", "{"], 2, "is not JSON"),
        (["ramp", "--max", "5", "--call", "t", "--args", "[]"], 2, "must be a JSON object"),
        (["ramp", "--max", "5", "--mix", "light"], 2, "cannot be read"),
        (["ramp", "--max", "5", "--mix", "lite=1"], 2, "mix.lite: should be 'light'"),
        (["ramp", "--max", "5", "--header", "nothing"], 2, "is not a header"),
        (["ramp", "--max", "5", "--expect", "text contains x"], 2, "--expect needs --call"),
        (["ramp", "--max", "5", "--call", "t", "--expect", "?"], 2, "--expect cannot be read"),
        (["ramp", "--max", "5", "--call", "t", "--data", "people"], 2, "--data 'people' cannot be read"),
        (["capacity"], 2, "--slo is missing"),
        (["capacity", "--slo", "p95 < 1s", "--rate", "--max", "5"], 2, "--rate searches for a rate"),
        (["capacity", "--slo", "p95 < 1s", "--queue", "5"], 2, "--queue is for open load"),
        (["capacity", "--slo", "p95 < 1s", "--url", "http://203.0.113.9/mcp"], 2, "is not this machine"),
        (
            ["capacity", "--slo", "p95 < 1s", "--rate", "--url", "http://203.0.113.9/mcp"],
            2,
            "is not this machine",
        ),
        (["rate", "--for", "5s"], 2, "Missing option '--rate'"),
        (["rate", "--rate", "500", "--for", "5s"], 2, "'500' is not a rate"),
        (["rate", "--rate", "5/s", "--for", "5s", "--max-users", "1"], 2, "max_users: 1 is too few"),
        (["bench", "--requests", "0"], 2, "0 is not in the range x>=1"),
        (["suite", "--for", "5"], 2, "for example 5s"),
        (["plan", "nowhere.yaml"], 2, "Cannot read the scenario nowhere.yaml"),
        (["report", "nowhere"], 2, "nowhere is not a run"),
        (["report", "a" * 5_000], 2, "is not a run"),
        (["runs", "--out", "a" * 5_000], 2, "There are no runs"),
        (["plan", "a" * 100_000], 2, "Cannot read the scenario"),
        (["plan", " -" + "token" * 20_000], 2, "Cannot read the scenario"),
        (["x" * 100_000], 2, "There is no command"),
        (["ramp", "--max", "5", "--hold", "9" * 100_000], 2, "is not a duration"),
        (["ramp", "--max", "5", "--hold", "9999999h"], 2, "longer than a year"),
        (["ramp", "--max", "5", "--timeout", "9" * 400 + "s"], 2, "is not a duration"),
        (
            ["ramp", "--max", "5", "--fault", f"limit_data:bytes={'9' * 400}B,at=1s,for=1s"],
            2,
            "is not a size",
        ),
        (["ramp", "--max", "5", "--fault", f"rude:how=expired,clients={'9' * 400},at=1s"], 2, "faults[0]"),
        (["ramp", "--max", "5", "--fault", f"noop:name={'n' * 400},at=1s,for=1s"], 2, "is not a name"),
        (["ramp", "--max", "5", "--slo", "p95 < " + "a " * 50_000], 2, "is not an objective"),
        (["ramp", "--max", "5", "--abort", "p95 < " + "a " * 50_000], 2, "is not an abort rule"),
        (["rate", "--rate", "5/s", "--for", "5s", "--out", "a" * 5_000], 2, "Cannot write to"),
        (["ramp", "--max", "5", "--mix", "light=1,light=2"], 2, "each class once"),
        (["ramp", "--max", "5", "--mix", "light=" + "9" * 5_000], 2, "cannot be read"),
        (["ramp", "--max", "5", "--target-options", "'"], 2, "No closing quotation"),
        (["ramp", "--max", "5", "--target-options", "--help"], 2, "No such option"),
        (
            ["ramp", "--max", "5", "--target-options", "--yes"],
            2,
            "cannot be given to the reference server of a run",
        ),
        (
            ["ramp", "--max", "5", "--target-options", "--allow-backend x"],
            2,
            "cannot be given to the reference server of a run",
        ),
        (["ramp", "--max", "5", "--call", "t", "--args", "[" * 100_000], 2, "nested more than 50 levels"),
        (["ramp", "--max", "5", "--call", "t\udcff"], 2, "not text"),
        (["ramp", "--max", "5", "--url", "http://[::1"], 2, "brackets hold no IPv6"),
        (["ramp", "--max", "5", "--url", f"http://{'a' * 70}.com/"], 2, "at most 63 characters"),
    ],
)
def test_wrong_use_is_exit_2_in_a_few_lines(
    argv: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What, why, what would be right; on standard error; no traceback."""
    monkeypatch.chdir(tmp_path)

    assert run(argv) == code
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert "Traceback" not in err
    assert len(err) < 2_000  # whatever was given is not repeated whole
    assert list(tmp_path.iterdir()) == []


def test_help_lists_every_command_and_each_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """With an example in it."""
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out
    for name, (_, text) in COMMANDS.items():
        assert text in listed
        assert run([name, "--help"]) == 0
        assert f"harness {name}" in capsys.readouterr().out


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """One number in one place."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"harness {__version__}\n"


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody who types `harness` wants to know what there is."""
    assert run([]) == 2
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parts
def test_help_imports_nothing_heavy() -> None:
    """Help is quick because of what it leaves out."""
    code = (
        "import sys; from harness.cli.main import run; run(['--help']);"
        "heavy = {'pandas', 'numpy', 'pyarrow', 'matplotlib', 'locust', 'gevent', 'aiohttp', 'pydantic', 'mcp', 'rich', 'yaml'};"
        "print('HEAVY', sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.splitlines()[-1] == "HEAVY []"


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["plan", "nowhere.yaml"], False),
        (["--debug", "plan", "nowhere.yaml"], True),
        (["plan", "nowhere.yaml", "--debug"], True),
        (["toxiproxy", "start", "--debug", "--port", "x"], True),
    ],
)
def test_tracebacks_are_for_those_who_ask(
    argv: list[str], shown: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the command or after it: --debug is added to a line that has just failed."""
    monkeypatch.setenv("HARNESS_DEBUG", "")
    assert run(argv) == 2
    assert ("Traceback" in capsys.readouterr().err) == shown


def test_a_bug_of_ours_is_exit_70_and_says_how_to_see_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback unless --debug."""
    monkeypatch.setitem(COMMANDS, "ramp", ("harness.cli.no_such_module", "broken"))
    monkeypatch.setenv("HARNESS_DEBUG", "")
    assert run(["ramp"]) == 70
    quiet = capsys.readouterr().err
    assert run(["--debug", "ramp"]) == 70

    assert "Traceback" not in quiet
    assert "--debug" in quiet
    assert "Traceback" in capsys.readouterr().err


def test_a_plan_is_printed_as_text_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is run or written."""
    path = tmp_path / "s.yaml"
    path.write_text(SCENARIO)
    assert run(["plan", str(path)]) == 0
    assert "n: 2 steps, 20s, seed 0" in capsys.readouterr().out
    assert run(["plan", str(path), "--json"]) == 0
    assert [step["users"] for step in json.loads(capsys.readouterr().out)["steps"]] == [5, 10]
    assert list(tmp_path.iterdir()) == [path]


def test_a_run_that_is_still_going_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its spools would be sealed under it; when it has ended it can be."""
    run_dir = directory.create(tmp_path, "n", datetime(2026, 1, 1, tzinfo=UTC))
    run_dir.write_json("metadata.json", {})
    with UndoJournal(run_dir.undo):
        assert run(["report", str(run_dir.path)]) == 2
        assert "is still running" in capsys.readouterr().err
        assert run_dir.spool.exists()
        assert not run_dir.samples.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("target: 5", "target: should be a mapping"),
        ("target: {url: 'http://127.0.0.1:1', headers: [a]}", "headers: should be a mapping"),
        ("target: {options: 5}", "options: should be a list"),
        ("objectives: 5", "objectives: should be a list"),
        ("faults: text", "faults: should be a list"),
        ("load: [{ramp: {to: 1000000/s, step: 0.001/s}}]", "20,000 are the most"),
        ("load: [{ramp: {to: 100000, step: 1}}]", "20,000 are the most"),
        ("load: [{soak: {level: 1, for: 366d, parts: 1000, interval: 1ns}}]", "should be at least 100ms"),
        ("retries: [1]", "retries: should be a mapping"),
        ('target: {command: ["a\\0b"], url: "http://127.0.0.1:1/"}', "not text"),
        (
            "faults: [{fault: noop, at: 0s, for: 1s, name: x}, {fault: noop, at: 0s, for: 1s, name: x}]",
            "two faults",
        ),
        (f"faults: [{', '.join(['{fault: noop, at: 0s, for: 1s}'] * 600)}]", "500 are the most"),
    ],
)
def test_a_file_of_another_shape_is_exit_2_whatever_flags_add_to_it(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flags are added to what a file says before that is checked."""
    path = tmp_path / "s.yaml"
    path.write_text(f"name: n\n{content}\n" if content.startswith("load:") else f"{SCENARIO}{content}\n")
    more = [
        "--target-options=--pool-max 3",
        "-H",
        "A: 1",
        "--retries",
        "1",
        "--slo",
        "p95 < 1s",
        "--fault",
        "noop:at=1s,for=1s",
    ]

    assert run(["run", str(path), *more, "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err) < 2_000
