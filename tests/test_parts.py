"""`make unit`: what starts a process is not in it, and nobody has to remember that."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STARTS = """
import subprocess
import pytest

@pytest.fixture(scope="module")
def child():
    subprocess.run(["true"], check=True)

def test_that_starts_one_itself():
    subprocess.run(["true"], check=True)

@pytest.mark.parts
def test_that_may():
    subprocess.run(["true"], check=True)

def test_that_starts_nothing():
    pass

def test_whose_fixture_starts_one(child):
    pass
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "test_starting.py"
    path.write_text(STARTS)
    return path


def outcomes(*words: str) -> tuple[set[tuple[str, str]], str]:
    """Of each test, in a test run of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    return set(re.findall(r"::(\w+) (PASSED|FAILED)", done.stdout)), done.stdout + done.stderr


@pytest.mark.parts
def test_a_test_that_starts_a_process_says_so_or_fails(module: Path) -> None:
    """Itself, or by a fixture; the message says what to do."""
    places = ("-p", "tests.conftest", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"))
    found, said = outcomes(*places, str(module))

    assert found == {
        ("test_that_starts_one_itself", "FAILED"),
        ("test_that_may", "PASSED"),
        ("test_that_starts_nothing", "PASSED"),
        ("test_whose_fixture_starts_one", "FAILED"),
    }, said
    assert "mark it @pytest.mark.parts, or move it to tests/integration or tests/e2e" in said


@pytest.mark.parts
def test_the_unit_tests_are_all_but_the_marked_ones_and_two_folders() -> None:
    """The folders are not even looked into."""
    words = ("--unit", "--collect-only", "-q", "tests/test_parts.py", "tests/e2e", "tests/integration")
    _, said = outcomes(*words)

    assert "test_the_makefile_and_the_guide_say_the_rule" in said
    assert "test_a_test_that_starts_a_process" not in said
    assert "tests/e2e" not in said
    assert "tests/integration" not in said


def test_the_makefile_and_the_guide_say_the_rule() -> None:
    """`make unit` is in both, and is what the flag does."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    guide = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")

    assert re.search(r"^unit: .*\n\t.* --unit ", makefile, re.MULTILINE)
    assert re.search(r"^# make unit ", makefile, re.MULTILINE)
    assert "`make unit`" in guide
    assert "`@pytest.mark.parts`" in guide
