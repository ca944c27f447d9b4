"""Which toxiproxy-server is taken, and what its version means."""

import sys
from pathlib import Path

import pytest

from harness.services.toxiproxy import install
from harness.services.toxiproxy.install import Binary


def program(path: Path, says: str, code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\nexit {code}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing on PATH, and a home of its own."""
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize(
    ("version", "numbers", "too_old", "can_hang"),
    [
        ("2.13.0", (2, 13, 0), False, False),
        ("2.12.0", (2, 12, 0), False, True),
        ("2.11.9", (2, 11, 9), True, True),
        ("2.5", (2, 5), True, True),
        ("v2.13.1-rc.1", (2, 13, 1), False, False),
        ("3.0.0", (3, 0, 0), False, False),
        ("git", None, False, True),  # a build that was not told: it may be anything
    ],
)
def test_versions_are_compared_as_numbers(
    version: str, numbers: tuple[int, ...] | None, *, too_old: bool, can_hang: bool
) -> None:
    """2.9 is before 2.12; what says nothing is used, and warned about."""
    assert install.numbers(version) == numbers
    assert install.too_old(version) is too_old
    assert install.can_hang(version) is can_hang


def test_the_pinned_version_is_one_that_the_harness_accepts() -> None:
    """Else installing would not help."""
    assert not install.too_old(install.VERSION)


@pytest.mark.parts
def test_path_comes_before_the_own_copy(alone: Path) -> None:
    """What a person put there is meant to be used."""
    first = program(alone / "path" / "toxiproxy-server", "toxiproxy-server version 2.13.0")
    own = program(install.own_path(), "toxiproxy-server version 2.12.0")
    assert install.candidates() == [Binary(first, "2.13.0", ours=False), Binary(own, "2.12.0", ours=True)]
    assert install.found() == Binary(first, "2.13.0", ours=False)


@pytest.mark.parts
@pytest.mark.parametrize(
    ("says", "code", "problem"),
    [
        ("toxiproxy-server version 2.1.4", 0, "it is older than 2.12"),
        ("hello", 0, "it does not say its version (exit code 0)"),
        ("", 3, "it does not say its version (exit code 3)"),
    ],
)
def test_an_unusable_one_on_path_gives_way_to_the_own_copy(
    alone: Path, says: str, code: int, problem: str
) -> None:
    """`harness toxiproxy install` would be of no use otherwise."""
    program(alone / "path" / "toxiproxy-server", says, code)
    own = program(install.own_path(), "toxiproxy-server version 2.12.0")
    assert [binary.problem for binary in install.candidates()] == [problem, ""]
    assert install.found() == Binary(own, "2.12.0", ours=True)


@pytest.mark.parts
def test_one_that_cannot_be_started_says_why(alone: Path) -> None:
    """Such as one for another kind of machine."""
    broken = program(alone / "path" / "toxiproxy-server", "")
    broken.write_bytes(b"\x7fELF of another world")
    assert install.found() is None
    assert install.candidates()[0].problem.startswith("it does not run: ")


def test_the_own_copy_lives_with_a_person_s_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """HARNESS_HOME, else XDG_DATA_HOME if it is a whole path, else ~/.local/share."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HARNESS_HOME", "")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert install.home() == tmp_path / ".local/share/mcp-harness"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert install.own_path() == Path("/data/mcp-harness/bin/toxiproxy-server")
    monkeypatch.setenv("HARNESS_HOME", "/own")
    assert install.own_path() == Path("/own/bin/toxiproxy-server")


def test_go_is_taken_from_path_then_from_the_wheel(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel is a package that is called `go`; a package of that name without the program is none."""
    wheel = alone / "site"
    (wheel / "go").mkdir(parents=True)
    (wheel / "go" / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(wheel)])
    assert install.go_program() is None
    carried = program(wheel / "go" / "bin" / "go", "go version go1.26")
    assert install.go_program() == carried
    on_path = program(alone / "path" / "go", "go version go1.26")
    assert install.go_program() == on_path
