"""What others run of the harness: the action, the workflows, the systemd units and the lines for cron of docs/nightly.md."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from harness.cli.main import cli
from tests.history.past import past

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8"))


def blocks(language: str) -> list[str]:
    """The blocks of docs/nightly.md in this language; "" for those without one."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


def cron_lines() -> list[str]:
    (block,) = [one for one in blocks("") if "harness nightly" in one]
    return block.strip().splitlines()


def commands() -> list[list[str]]:
    """The words behind `harness` wherever somebody else runs it."""
    texts = [*blocks("ini"), *cron_lines(), *(step.get("run", "") for step in STEPS)]
    texts += [step.get("run", "") for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    lines = [line for text in texts for line in re.split(r"\n|&&|\|\||;", text)]
    found = [
        re.search(r"(?:^|[=/ ])harness ((?:runs|nightly|history|compare|toxiproxy) ?.*)", line)
        for line in lines
    ]
    return [_plain(one[1]) for one in found if one]


def _plain(text: str) -> list[str]:
    """Without redirections, and with a value for each variable of the shell."""
    text = re.sub(r"\$\{ALLOWED:\+(.*?)\}(?= )", "--allow-host HOST", text)
    return shlex.split(re.sub(r'(?<!-)\d?>+ ?"?[^ "]+"?(&1)?', "", text))


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_that_others_run_is_known_with_its_options(words: list[str]) -> None:
    """Read as the command line would be, and not run."""
    context = click.Context(cli, info_name="harness")
    command: click.Command | None = cli
    while isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0))
    assert command is not None
    parsed = command.make_context("harness", words, parent=context)
    assert parsed.args == []


def test_all_places_run_what_they_are_for() -> None:
    """The table above has found them."""
    first = [words[0] for words in commands()]

    assert {name: first.count(name) for name in dict.fromkeys(first)} == {
        "nightly": 3,  # systemd, cron, the workflow
        "runs": 3,
        "history": 2,
        "compare": 1,
        "toxiproxy": 1,
    }


def test_the_units_of_systemd_are_a_service_that_ends_and_a_timer() -> None:
    """Sections and keys that systemd has; a time that it understands."""
    service, timer = blocks("ini")
    keys = {key for unit in (service, timer) for key in re.findall(r"^(\w+)=", unit, re.MULTILINE)}

    assert re.findall(r"^\[(\w+)\]", service, re.MULTILINE) == ["Unit", "Service"]
    assert re.findall(r"^\[(\w+)\]", timer, re.MULTILINE) == ["Unit", "Timer", "Install"]
    assert keys == {
        "Description",
        "Type",
        "WorkingDirectory",
        "ExecStart",
        "ExecStartPost",
        "OnCalendar",
        "WantedBy",
    }
    assert "Type=oneshot" in service  # no limit of time, and the exit code is that of the night
    assert re.search(r"^OnCalendar=\*-\*-\* \d\d:\d\d:\d\d$", timer, re.MULTILINE)


@pytest.mark.parametrize("line", cron_lines())
def test_a_line_for_cron_has_five_fields_and_no_percent_sign(line: str) -> None:
    """cron takes a percent sign for the end of the line."""
    *when, _ = line.split(maxsplit=5)

    assert [re.fullmatch(r"\*|\d{1,2}", field) is not None for field in when] == [True] * 5
    assert "%" not in line


def test_the_inputs_of_the_action_are_declared_and_never_part_of_a_script() -> None:
    """A branch may be called `$(rm -rf ~)`."""
    used = set(re.findall(r"inputs\.([\w-]+)", str(STEPS)))

    assert used == set(ACTION["inputs"])
    assert not [step for step in STEPS if "${{" in step.get("run", "")]


@pytest.mark.parts
def test_the_action_writes_the_comparison_for_the_comment_and_hands_on_the_exit_code(tmp_path: Path) -> None:
    """Its scripts, run by bash as a runner does: a pair only describes, which is 3; no run at all is 2, and says so."""
    a, b = past(tmp_path, 1), past(tmp_path, 2)
    for path in (a, b):
        (path / "scenario.yaml").write_text("load: []\n")
    (step,) = [one for one in STEPS if one.get("id") == "compare"]
    last = STEPS[-1]["run"]
    said = {}
    for name, sides in {"pair": (a, b), "none": (a, tmp_path / "nothing")}.items():
        place = tmp_path / name
        place.mkdir()
        facts = {"A": str(sides[0]), "B": str(sides[1]), "ALLOWED": "", "RUNNER_TEMP": str(place)}
        files = {key: str(place / key) for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        done = bash(step["run"], facts | files)
        assert done.returncode == 0, done.stderr
        code = (place / "GITHUB_OUTPUT").read_text().strip().removeprefix("code=")
        said[name] = code, (place / "mcp-harness" / "comment.md").read_text()
        for fail_on, ends in (("regressed", 0 if code == "3" else int(code)), ("any", int(code))):
            assert bash(last, {"CODE": code, "FAIL_ON": fail_on}).returncode == ends

    assert said["pair"][0] == "3"
    assert said["pair"][1].startswith("<!-- mcp-harness compare -->\n## ")
    assert "one run a side can only describe" in said["pair"][1].lower()
    assert said["none"][0] == "2"
    assert "Not compared" in said["none"][1]
    assert "is no run" in said["none"][1]


def bash(script: str, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """As a runner of GitHub does."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=os.environ | {"PATH": path, "HARNESS_HISTORY": "off"} | variables, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
