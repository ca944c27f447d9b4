"""`harness init`: its files are read by what they are for, hold no secret, and are not written over."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import new_file
from harness.cli.init import _server
from harness.cli.init_files import Server, files
from harness.cli.init_trial import Trial, stays_the_same
from harness.cli.main import run
from harness.foundation.errors import UsageError
from harness.run_directory.directory import write_whole
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


HOSTILE = (
    "evil\nobjectives: [p95 < 1s]\nfaults: []", "a\r\ntarget: {command: [touch, x]}", "a\u2028b: c", "\x1b[2J", "<script>x</script>", "```\n# x",
    "${HOME}", "{{uuid}}", "\ud800", "", "a\x00b", "x' * 9, __import__('os').getcwd(), '", '"""\nimport os', "$(id)`id`;id", "&a *a !!x",
)  # fmt: skip


@pytest.mark.parametrize("words", HOSTILE)
def test_what_a_server_says_is_one_line_of_a_comment_and_text_of_a_page(words: str) -> None:
    """Nothing of it is a key of a scenario, a statement of Python, a command of a shell, or mark-up."""
    kind, hostile = Trial("2025-11-25", "shop", WORKS), Trial(words, words, WORKS, {words: words})
    expected, written = files(HTTP, kind), files(HTTP, hostile)
    assert written.keys() == expected.keys()
    for name, text in written.items():
        if name.startswith("scenarios/"):
            assert yaml.safe_load(text) == yaml.safe_load(expected[name])
        elif name != "README.md":
            assert text == expected[name]
    page = written["README.md"]
    assert page.splitlines()[2:3] == [""] or "\n# " not in page
    assert re.search(r"(?<!\\)<", re.sub(r"```sh\n.*?\n```", "", page, flags=re.DOTALL)) is None
    assert page.count("```") == expected["README.md"].count("```")


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("place", ["call", "key", "value"])
def test_a_call_that_would_not_stay_the_same_is_left_out(words: str, place: str) -> None:
    """The others are what they were, in the scenario and in Python."""
    name = words if place == "call" else "echo"
    entry = {"call": name, "args": {words if place == "key" else "key": words if place == "value" else "x"}}
    if not stays_the_same(entry):
        return
    written = files(HTTP, Trial("2025-11-25", "shop", (entry,)))
    assert yaml.safe_load(written["scenarios/first.yaml"])["workload"] == [entry]
    assert [type(node).__name__ for node in ast.parse(written["locustfiles/users.py"]).body] == [
        "Expr", "ImportFrom", "ImportFrom", "ClassDef",
    ]  # fmt: skip
    assert "${" not in written["scenarios/first.yaml"].partition("workload")[2]


@pytest.mark.parametrize("words", ["${HOME}", "{{uuid}}", "\ud800", "a\x00b"])
def test_words_that_mean_something_else_in_a_scenario_are_never_in_one(words: str) -> None:
    """As a tool's name or in its arguments."""
    assert not stays_the_same({"call": words, "args": {}})
    assert not stays_the_same({"call": "echo", "args": {"a": [{"b": words}]}})


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        (["init", "a" * 300], "Cannot write"),
        (["init", "x", "--url", "http://[::1"], "is not the URL of a server"),
        (["init", "x", "--url", "ftp://a"], "is not the URL of a server"),
        (["record", "--to", "http://[::1"], "is not the URL of a server"),
        (["record", "--to", ""], "is not the URL of a server"),
        (["record", "--to", "http://127.0.0.1:9/mcp", "--out", "a" * 300], "Cannot write"),
        (["record", "--to", "http://127.0.0.1:9/mcp", "--out", "nowhere/x.yaml"], "Cannot write"),
        (["ramp", "--max", "1", "--unix-socket", "\udcff"], "is a path that is no text"),
        (["discover", "http://127.0.0.1:9/mcp", "--out", "a" * 300], "Cannot write"),
        (["discover", "http://127.0.0.1:9/mcp", "--out", "nowhere/x.yaml"], "Cannot write"),
    ],
)
def test_what_cannot_be_done_is_known_before_anything_is_asked(
    argv: list[str],
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 2 in three lines, not at the end of a recording, and no bug."""
    monkeypatch.chdir(tmp_path)
    assert run(argv) == 2
    said = capsys.readouterr().err
    assert what in said
    assert len(said.splitlines()) <= 4
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_leads_to_is_not_written(tmp_path: Path) -> None:
    """Neither the file itself nor the one beside it that takes its place."""
    victim = tmp_path / "victim"
    victim.write_text("as it was")
    (tmp_path / ".new.yaml.partial").symlink_to(victim)
    (tmp_path / "new.yaml").symlink_to(victim)
    write_whole(tmp_path / "new.yaml", "another text")
    assert (victim.read_text(), (tmp_path / "new.yaml").read_text()) == ("as it was", "another text")
    assert not (tmp_path / "new.yaml").is_symlink()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is there already"):
        new_file.check(tmp_path / "dangling")


@pytest.mark.parametrize(
    ("arguments", "stays"),
    [({"word": "it's"}, True), ({}, True), ({"a": [1, 2.5, None]}, True), ({"a": "${HOME}"}, False), ({"a": "{{counter}}"}, False)],
)  # fmt: skip
def test_a_call_is_written_when_it_reads_back_as_it_was_tried(arguments: dict[str, Any], stays: bool) -> None:
    """Most are; what a scenario would fill in is not."""
    assert stays_the_same({"call": "find", "args": arguments}) is stays
