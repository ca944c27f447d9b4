"""docs/target.md: every example in it is run as it stands, but for the address."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.reference.broken import BREAKS
from harness.reference.tools import TOOLS
from tests import getting

PAGE = (Path(__file__).parents[3] / "docs" / "target.md").read_text()
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ADDRESS = "127.0.0.1:8000"


def at(example, url):
    assert ADDRESS in example
    return example.replace(ADDRESS, url.removeprefix("http://"))


@pytest.mark.skipif(shutil.which("curl") is None, reason=getting.curl())
@pytest.mark.parametrize("example", SHELL, ids=range(len(SHELL)))
def test_curl_examples_work(example, target_url):
    """Each curl example ends well and prints an answer without an error in it."""
    ended = subprocess.run(
        ["sh", "-e", "-c", at(example, target_url)], capture_output=True, text=True, timeout=60, check=True
    )

    assert any(
        f'"{name}":' in ended.stdout
        for name in ("result", "status", "uptime_s", "key", "unique_clients", "id")
    ) or ended.stdout.startswith("# HELP harness_target_"), ended.stdout
    assert '"error"' not in ended.stdout
    assert '"isError":true' not in ended.stdout


@pytest.mark.parametrize("example", PYTHON, ids=range(len(PYTHON)))
def test_python_examples_work(example, target_url):
    """Each Python example runs and prints two answers."""
    ended = subprocess.run(
        [sys.executable, "-c", at(example, target_url)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert ended.stdout.count('"result"') == 2


def test_every_tool_and_argument_is_documented():
    """The table of tools names each tool and each of its arguments."""
    for name, tool in TOOLS.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
        for argument in tool.arguments:
            assert f"`{argument.name}`" in row


def test_every_way_to_break_it_is_documented():
    """The table of deviations has each of them, in the same words."""
    for name, about in BREAKS.items():
        assert f"| `{name}` | {about} |" in PAGE
