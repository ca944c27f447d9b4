"""The repository as contributors find it: pages of a bearable length, a workflow that runs what the README says, a map."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("page", "lines_max"), [("AGENTS.md", 60), (".github/CONTRIBUTING.md", 60)])
def test_pages_that_everybody_reads_are_short(page: str, lines_max: int) -> None:
    """One page each."""
    assert 5 < len((ROOT / page).read_text(encoding="utf-8").splitlines()) <= lines_max


def test_what_contributors_look_for_is_there() -> None:
    """Under the names that people and their tools know."""
    for name in ("CHANGELOG.md", ".github/SECURITY.md", ".pre-commit-config.yaml", "constraints.txt"):
        assert (ROOT / name).read_text(encoding="utf-8").strip(), name
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    assert PROJECT["project"]["license"] == "MIT"


@pytest.mark.parts
def test_the_map_of_the_repository_has_every_folder() -> None:
    """Those of the top level; hidden ones are for tools."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    paths = [Path(name) for name in listed.split("\0") if name] or [
        p for p in ROOT.glob("*/*") if p.is_file()
    ]
    folders = {path.parts[0] for path in paths if len(path.parts) > 1 and path.parts[0][0] != "."}
    assert {"harness", "tests", "docs"} <= folders
    assert [name for name in sorted(folders) if f"| `{name}/` |" not in page] == []


def test_the_readme_leads_to_every_page() -> None:
    """A page that nobody finds might as well not be there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))]
    assert [page for page in pages if f"]({page}" not in readme] == []


def workflow() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")))


def test_ci_runs_what_a_contributor_runs() -> None:
    """One script, of two commands of the README; half an hour at most; no right to write."""
    assert workflow()["permissions"] == {"contents": "read"}
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make \w+$", script, re.MULTILINE) == ["make check", "make test"]
    for name, job in workflow()["jobs"].items():
        assert job["timeout-minutes"] <= 30
        runs = [step["run"] for step in job["steps"] if "run" in step]
        assert runs == (["make long"] if name == "long" else [".ci/run"])


def test_ci_runs_on_every_python_that_is_supported_and_skips_nothing_as_root() -> None:
    """The classifiers say which; the flag is one of ours, and reaches pytest through make."""
    root, user = workflow()["jobs"]["root"], workflow()["jobs"]["user"]
    pythons = {*root["strategy"]["matrix"]["python"], user["steps"][1]["with"]["python-version"]}
    named = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert pythons == set(named)
    assert root["env"] == {"TEST_FLAGS": "--skip-nothing"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"-m tests\.covering --min \d+ .*\$\(TEST_FLAGS\)\n", makefile)


def test_commits_are_held_to_the_checks_of_make_check() -> None:
    """The same programs of the same virtual environment."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0][
        "hooks"
    ]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)", ".venv/bin")
    for hook in hooks:
        program, *rest = hook["entry"].split()
        assert " ".join([program, *rest[:1]]) in makefile, hook["entry"]


@pytest.mark.parts
def test_a_test_run_can_be_told_to_skip_nothing(tmp_path: Path) -> None:
    """A skipped test fails it then, in whichever worker it was."""
    (tmp_path / "test_it.py").write_text("import pytest\ndef test_it():\n    pytest.skip('no such server')\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-n", "1", "--skip-nothing"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COVERING": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "--skip-nothing: 1 skipped" in done.stdout


@pytest.mark.parts
@pytest.mark.parametrize(
    "text", ["--help", "$(touch owned)", "`touch owned`", '"; touch owned; "', "a\nb", "'", "*", "${{ x }}"]
)
def test_an_input_of_the_action_is_one_name_and_nothing_else(tmp_path: Path, text: str) -> None:
    """A branch can be called anything: it is no option, and no shell reads it."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    step = next(one for one in action["runs"]["steps"] if one.get("id") == "compare")
    assert not [one["run"] for one in action["runs"]["steps"] if "${{" in one["run"]]
    (tmp_path / "harness").write_text(
        '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done > words\necho said\nexit 3\n'
    )
    (tmp_path / "harness").chmod(0o755)
    places = {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(tmp_path),
            "A": text,
            "B": text,
            "ALLOWED": text,
            **places,
        },
        check=True,
        capture_output=True,
    )

    words = (tmp_path / "words").read_text().split("\0")[:-1]
    assert words == ["compare", f"--allow-host={text}", "--format", "markdown", "--", text, text]
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "code=3\n"
    assert not (tmp_path / "owned").exists()
