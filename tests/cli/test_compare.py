"""Runs made by turns on the command line: the order, the targets of both sides, what is refused before anything runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli import by_turns, calibrate
from harness.cli.compare import command
from harness.cli.main import cli
from harness.foundation.errors import HarnessError, UsageError
from harness.history.comparison.turns import target, turns
from tests.history.past import past

A, B = "http://127.0.0.1:3", "http://127.0.0.1:4"


def test_turns_are_turned_round() -> None:
    """Neither side is always first."""
    assert [turns(repeats) for repeats in (1, 2, 5)] == ["AB", "ABBA", "ABBAABBAAB"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://127.0.0.1:1/mcp", {"headers": {"X": "1"}, "url": "http://127.0.0.1:1/mcp"}),
        ("ws://127.0.0.1:1/ws", {"headers": {"X": "1"}, "url": "ws://127.0.0.1:1/ws"}),
        ("reference --pool-max 2", {"headers": {"X": "1"}, "options": ["--pool-max", "2"]}),
        ("reference", {"headers": {"X": "1"}, "options": []}),
        (
            "python 'my server.py'",
            {
                "headers": {"X": "1"},
                "ready": "http://r",
                "url": "http://old",
                "command": ["python", "my server.py"],
            },
        ),
    ],
)
def test_a_side_is_a_url_a_command_or_the_reference_server(text: str, found: dict[str, Any]) -> None:
    """What the file says beside it holds for both sides."""
    of_file = {"url": "http://old", "ready": "http://r", "headers": {"X": "1"}, "options": ["--sse"]}

    assert target(text, of_file) == found
    assert target(text, of_file, "plain") == found | {"protocol": "plain"}


@pytest.mark.parametrize(
    ("of_file", "found"),
    [
        ({}, {"transport": "stdio", "command": ["npx", "server"]}),
        (
            {"headers": {"X": "1"}, "wait": "5s", "env": {"A": "b"}},
            {"transport": "stdio", "command": ["npx", "server"], "env": {"A": "b"}},
        ),
        (
            {"transport": "stdio", "command": ["old"], "users_per_process": 4, "cwd": "/srv"},
            {"transport": "stdio", "command": ["npx", "server"], "users_per_process": 4, "cwd": "/srv"},
        ),
        ({"ready": "http://r"}, {"ready": "http://r", "command": ["npx", "server"]}),
    ],
)
def test_a_command_without_an_address_speaks_over_stdio(
    of_file: dict[str, Any], found: dict[str, Any]
) -> None:
    """What only a server with an address has is left out; the other side, a URL, has nothing of commands."""
    assert target("npx server", of_file) == found
    url = target("http://127.0.0.1:1/mcp", of_file)
    assert not {"command", "transport", "users_per_process", "env", "cwd", "ready"} & set(url)


@pytest.mark.parametrize("text", ["", "  ", "python 'open"])
def test_a_side_that_is_nothing_is_refused(text: str) -> None:
    """Three lines."""
    with pytest.raises(UsageError) as caught:
        target(text, {})
    assert len(caught.value.lines()) == 3


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        ([], "A comparison has two sides"),
        (["one"], "A comparison has two sides"),
        (["--a", "http://x"], "--a, --b and --gateway need --scenario"),
        (
            ["--scenario", "s.yaml", "--a", "http://x", "--b", "http://y", "--gateway", "http://z"],
            "--gateway is side B",
        ),
        (["--scenario", "s.yaml", "--a", "http://x", "--gateway", "somewhere"], "--gateway is side B"),
        (["--scenario", "s.yaml", "--a", "http://x"], "--scenario compares two servers"),
        (
            ["one", "--scenario", "s.yaml", "--a", "http://x", "--b", "http://y"],
            "--scenario compares two servers",
        ),
        (["--scenario", "nowhere.yaml", "--a", "http://x", "--b", "http://y"], "Cannot read the scenario"),
    ],
)
def test_what_is_not_a_comparison_is_refused(argv: list[str], what: str) -> None:
    """Before anything runs."""
    done = CliRunner().invoke(command, argv)

    assert isinstance(done.exception, UsageError)
    assert what in done.exception.what
    assert len(done.exception.lines()) == 3


def test_a_name_is_not_looked_up_when_the_history_is_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server is started for it, and nothing is written."""
    monkeypatch.setenv("HARNESS_HISTORY_DIR", str(tmp_path / "history"))
    monkeypatch.setenv("HARNESS_HISTORY", "off")
    done = CliRunner().invoke(cli, ["compare", "main", "baseline"])

    assert isinstance(done.exception, UsageError)
    assert (done.exception.what, len(done.exception.lines())) == ("There is no run main", 3)
    assert "the history is not asked" in done.exception.why
    assert not (tmp_path / "history").exists()


@dataclass
class Made:
    """Run directories of the past in place of runs: each is the next day's."""

    root: Path
    verdicts: Iterator[str]
    targets: list[dict[str, Any]]
    day: int = 0

    def __call__(self, command: str, data: dict[str, Any], given: dict[str, Any], source: str) -> Any:
        del command, given, source
        self.targets.append(data["target"])
        self.day += 1
        path = past(self.root, self.day)
        (path / "scenario.yaml").write_text("load: []\n")
        verdict = next(self.verdicts, "pass")
        summary = path / "summary.json"
        summary.write_text(summary.read_text().replace('"pass"', f'"{verdict}"'))
        code = 130 if verdict == "stopped" else 0
        return type("Finished", (), {"reading": object(), "run_dir": path, "exit_code": code})


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    found = Made(tmp_path / "out", iter(()), [])
    monkeypatch.setattr(by_turns, "made", found)
    (tmp_path / "s.yaml").write_text("load: [{sustain: {users: 1, for: 1s}}]\nallowed_hosts: [one]\n")
    return found


def test_both_sides_are_measured_by_turns_and_compared(made: Made, tmp_path: Path) -> None:
    """Each run has the target of its side; the page is written beside the runs."""
    argv = ["--scenario", str(tmp_path / "s.yaml"), "--a", A, "--b", B, "--repeats", "2"]
    done = CliRunner().invoke(
        command,
        [*argv, "--protocol-b", "plain", "--allow-host", "two", "--out", str(tmp_path / "out")],
        standalone_mode=False,
    )

    assert [one["url"] for one in made.targets] == [A, B, B, A]
    assert [one.get("protocol") for one in made.targets] == [None, "plain", "plain", None]
    assert f"A = {A}: 2 runs" in done.output
    assert list((tmp_path / "out" / "compare").glob("*/compare.html"))


@pytest.mark.parametrize("server", [["--a", A, "--b"], ["--a", A, "--gateway"]])
def test_both_sides_are_checked_before_anything_starts(made: Made, tmp_path: Path, server: list[str]) -> None:
    """A side that is not allowed is refused before the first run of the other one."""
    argv = ["--scenario", str(tmp_path / "s.yaml"), *server]
    for url, words in (("http://10.0.0.1/", "10.0.0.1"), ("http://[::1", "is not the URL of a server")):
        done = CliRunner().invoke(command, [*argv, url, "--out", str(tmp_path / "out")])
        assert isinstance(done.exception, UsageError)
        assert words in "".join(done.exception.lines())
    assert made.targets == []


@pytest.mark.parametrize(("text", "key"), [("allowed_hosts: 5", "allowed_hosts"), ("target: here", "target")])
@pytest.mark.parametrize("by", [command, calibrate.command])
def test_a_scenario_of_another_shape_is_refused(tmp_path: Path, text: str, key: str, by: Any) -> None:
    """With three lines, before its parts are used."""
    path = tmp_path / "s.yaml"
    path.write_text(f"load: [{{sustain: {{users: 1, for: 1s}}}}]\n{text}\n")
    sides = ["--a", A, "--b", B, "--scenario", str(path)] if by is command else [str(path)]
    done = CliRunner().invoke(by, [*sides, "--allow-host", "one", "--out", str(tmp_path / "out")])

    assert isinstance(done.exception, UsageError)
    assert (done.exception.what.split(":")[0], len(done.exception.lines())) == (key, 3)


def test_a_gateway_is_side_b_and_has_a_table_of_its_own(made: Made, tmp_path: Path) -> None:
    """There is no verdict: a gateway always costs something."""
    argv = ["--scenario", str(tmp_path / "s.yaml"), "--a", A, "--gateway", "http://127.0.0.1:1/mcp"]
    done = CliRunner().invoke(
        command, [*argv, "--repeats", "3", "--json", "--out", str(tmp_path / "out")], standalone_mode=False
    )
    told = json.loads(done.stdout)

    assert done.exception is None
    assert [one["url"] for one in made.targets][:2] == [A, "http://127.0.0.1:1/mcp"]
    assert (told["describes"], told["exit_code"]) == (True, 0)
    assert told["gateway"]["cpu_ms_a_call"] is None
    assert [one["added_ms"]["interval"] is not None for one in told["gateway"]["added"]] != []


def test_a_run_that_is_unknown_is_made_again_but_not_for_ever(made: Made, tmp_path: Path) -> None:
    """As often as half of all runs."""
    made.verdicts = iter(["unknown", "pass", "pass", "unknown", "pass", "pass"])
    kept = list(by_turns.runs("ABBA", {"A": {}, "B": {}}, {}, out=tmp_path, source="s"))
    assert (len(kept), made.day) == (4, 6)

    made.verdicts = iter(["unknown"] * 9)
    with pytest.raises(HarnessError, match="Too many runs cannot be trusted") as caught:
        list(by_turns.runs("ABBA", {"A": {}, "B": {}}, {}, out=tmp_path, source="s"))
    assert caught.value.exit_code == 3


def test_ctrl_c_ends_all_of_it(made: Made, tmp_path: Path) -> None:
    """Exit 130; what was made stays."""
    made.verdicts = iter(["pass", "stopped"])
    with pytest.raises(HarnessError) as caught:
        list(by_turns.runs("ABBA", {"A": {}, "B": {}}, {}, out=tmp_path, source="s"))
    assert (caught.value.exit_code, made.day) == (130, 2)


def test_a_calibration_makes_runs_of_one_server(made: Made, tmp_path: Path) -> None:
    """The same again and again; the address may be given."""
    argv = [str(tmp_path / "s.yaml"), "--repeats", "4", "--url", A, "--allow-host", "two"]
    done = CliRunner().invoke(
        calibrate.command, [*argv, "--out", str(tmp_path / "out")], standalone_mode=False
    )

    assert done.return_value == 0, done.output
    assert made.targets == [{"url": A}] * 4
