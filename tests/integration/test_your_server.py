"""Servers that nobody here wrote, from nothing to a report by one command: every tool that only reads is called, and none is refused.

No argument is written here: what the schemas do not tell (a path, a revision) is learnt from the servers themselves.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import getting, npm

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
RUN_S = 360
VERSION = "2026.8.31"
MACHINE_OR_WELL = {0, 3}  # a busy machine may make figures unknown; not these counts
GIT = "mcp-server-git==2026.10.19"


def covered(out: Path, *where: str) -> list[dict[str, Any]]:
    """The rows of the coverage of a run with two users."""
    argv = [
        sys.executable,
        "-m",
        "harness",
        "bench",
        "--requests",
        "90",
        "--concurrency",
        "2",
        "--all",
        *where,
    ]
    run = subprocess.run(
        [*argv, "--out", str(out), "--json"],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
        env=os.environ | {"HARNESS_HISTORY": "off"},
    )
    assert run.returncode in MACHINE_OR_WELL, run.stderr
    rows: list[dict[str, Any]] = json.loads(run.stdout)["coverage"]
    return rows


def assert_all_that_read_were_called(rows: list[dict[str, Any]], tools: int) -> None:
    called = [row for row in rows if row["left_out"] is None]
    others = {row["left_out"] for row in rows if row["left_out"] is not None}

    assert others <= {"not annotated as read-only"}
    assert len([row for row in called if row["kind"] == "tool"]) == tools
    assert [row for row in called if not row["ok"] or row["refused_arguments"]] == []


def npm_server(name: str, *words: str) -> str:
    script = npm.installed(f"@modelcontextprotocol/{name}@{VERSION}") / "dist" / "index.js"
    return shlex.join([getting.node_program("node"), str(script), *words])


def test_the_file_server_shows_what_its_tools_are_called_with(tmp_path: Path) -> None:
    """Ten tools, nine of which want a path."""
    files = tmp_path / "files"
    (files / "sub").mkdir(parents=True)
    (files / "a.txt").write_text("hello\n")
    rows = covered(tmp_path / "out", "--command", npm_server("server-filesystem", str(files)))

    assert_all_that_read_were_called(rows, 10)
    assert (files / "a.txt").read_text() == "hello\n"
    assert sorted(path.name for path in files.iterdir()) == ["a.txt", "sub"]


def test_the_memory_server(tmp_path: Path) -> None:
    rows = covered(tmp_path / "out", "--command", npm_server("server-memory"))

    assert_all_that_read_were_called(rows, 3)


def test_the_typescript_server_over_stdio_and_http(tmp_path: Path) -> None:
    """A tool that takes ten seconds unless it is told to be quicker, prompts whose values it proposes itself."""
    over_stdio = covered(tmp_path / "out", "--command", npm_server("server-everything", "stdio"))
    assert_all_that_read_were_called(over_stdio, 9)
    with npm.everything("streamableHttp") as origin:
        over_http = covered(tmp_path / "out", "--url", f"{origin}/mcp")
    assert_all_that_read_were_called(over_http, 9)


def test_the_git_server_from_pypi(tmp_path: Path) -> None:
    """Its repository stands on its command line, commits are in its replies."""
    place = tmp_path / "repository"
    git = ["git", "-C", str(place), "-c", "user.name=a", "-c", "user.email=a@mail.invalid"]
    try:
        subprocess.run(["git", "init", "-q", str(place)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"There is no git; get it: apt-get install git ({error})")
    (place / "a").write_text("a")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    packages = tmp_path / "packages"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(packages), GIT]
    got = subprocess.run(pip, capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip(f"pip could not install {GIT}; get it: pip install {GIT} ({got.stderr[-200:]})")
    code = f"import sys; sys.path.insert(0, {str(packages)!r}); from mcp_server_git import main; main()"
    command = shlex.join([sys.executable, "-c", code, "--repository", str(place)])

    assert_all_that_read_were_called(covered(tmp_path / "out", "--command", command), 7)
