"""`harness init`: its files are read by what they are for, hold no secret, and are not written over."""

import ast
import json
from pathlib import Path

import pytest
import yaml

from harness.cli.init import _server
from harness.cli.init_files import Server, files
from harness.cli.init_trial import Trial
from harness.cli.main import run
from harness.foundation.errors import UsageError
from harness.scenario.experiment import read_experiment
from harness.scenario.plan.build import build
from harness.scenario.read import scenario_of

WORKS = ({"call": "find", "args": {"word": "it's"}}, {"call": "list-all", "args": {}})
HTTP = Server(url="http://127.0.0.1:3001/mcp", headers={"Authorization": "Bearer ${T}"})
STDIO = Server(command=("npx", "-y", "a server"))
TRIALS = {
    "http": (HTTP, Trial("2025-11-25", "shop 1.0", WORKS, {"buy": "it may write"})),
    "stdio": (STDIO, Trial("2025-11-25", "shop 1.0", WORKS)),
    "nothing to call": (HTTP, Trial("2025-11-25", "shop 1.0", (), {"buy": "it may write"})),
    "reference": (Server(), Trial("auto", "the reference server")),
}


@pytest.mark.parametrize("name", TRIALS)
def test_every_file_can_be_read_by_what_it_is_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenarios are planned, the experiment and the CI job are read, Python compiles."""
    monkeypatch.setenv("T", "token-of-mine")
    for path, text in files(*TRIALS[name]).items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        if path.startswith("scenarios/"):
            build(scenario_of(yaml.safe_load(text), path))
        elif path.startswith("chaos/"):
            assert read_experiment(place).faults
        elif path.endswith(".py"):
            ast.parse(text)
        elif path.endswith(".yml"):
            assert yaml.safe_load(text)["jobs"]["harness"]["steps"]
        assert "token-of-mine" not in text


def test_arguments_come_through_a_shell_and_yaml_as_they_are() -> None:
    """Quotes, too."""
    written = files(*TRIALS["http"])
    assert yaml.safe_load(written["scenarios/first.yaml"])["workload"] == list(WORKS)
    assert """--args '{"word": "it'"'"'s"}'""" in written["README.md"]
    assert json.dumps(WORKS[0]["args"]["word"]) in written["locustfiles/users.py"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("url", "command"),
    [
        ("http://me:pass@127.0.0.1/mcp", None),
        ("http://127.0.0.1/mcp?token=abcdef123456", None),
        (None, "server --token abcdef123456"),
    ],
)
def test_a_secret_on_the_command_line_is_refused(url: str | None, command: str | None) -> None:
    """It would stand in the files."""
    with pytest.raises(UsageError) as refused:
        _server(url, command, "auto", (), ())
    assert "would be written into files" in refused.value.what


def test_the_value_of_a_header_is_named_instead_of_written() -> None:
    """By a variable of its own, or by the one that was given."""
    given = ("Authorization: Bearer ${T}", "X-Key: abcdef")
    made = _server("http://127.0.0.1/mcp", None, "auto", given, ())
    assert made.headers == {"Authorization": "Bearer ${T}", "X-Key": "${MCP_X_KEY}"}


def test_nothing_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --force; and then only what has the same name."""
    place = tmp_path / "tests"
    assert run(["init", str(place)]) == 0
    scenario = place / "scenarios" / "first.yaml"
    scenario.write_text("mine")
    (place / "mine.txt").write_text("mine")
    assert run(["init", str(place)]) == 2
    assert "Nothing is written over" in capsys.readouterr().err
    assert scenario.read_text() == "mine"
    assert run(["init", str(place), "--force"]) == 0
    assert scenario.read_text() != "mine"
    assert (place / "mine.txt").read_text() == "mine"
