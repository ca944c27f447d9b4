"""Completion in shells: what the README says to put into ~/.bashrc, in a real bash."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.main import COMMANDS

pytestmark = pytest.mark.parts

README = Path(__file__).parents[2] / "README.md"


def bash(script: str) -> list[str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": programs}
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["harness", ""], list(COMMANDS)),
        (["harness", "ra"], [name for name in COMMANDS if name.startswith("ra")]),
        (["harness", "ramp", "--break"], ["--break-below"]),
        (["harness", "ramp", "--protocol", "web"], ["websocket"]),
        (["harness", "toxiproxy", "inst"], ["install"]),
    ],
)
def test_bash_completes_as_the_readme_says(words: list[str], offered: list[str]) -> None:
    """Commands, commands of commands, flags, and their values."""
    (line,) = re.findall(r"`(eval \"\$\(_HARNESS_COMPLETE=bash_source harness\)\")`", README.read_text())
    typed = " ".join(f"'{word}'" for word in words)
    asking = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _harness_completion harness"
    assert bash(f'{line}; {asking}; printf "%s\\n" "${{COMPREPLY[@]}}"') == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_theirs(shell: str) -> None:
    """As the README says too; these shells need not be here."""
    assert f"{shell}_source" in README.read_text()
    assert any("harness" in line for line in bash(f"_HARNESS_COMPLETE={shell}_source harness"))
