"""The architecture, held by tests: what may import what, how long a module may be, what it may be called."""

import ast
import re
import subprocess
import sys
from collections.abc import Collection
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "harness"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "workspace" not in path.parts)

# A room imports only from rooms before its own.
ORDER = (  # noqa: SIM905 - a sentence reads better than a list of strings
    "foundation mcp scenario run_directory analysis services client faults load conduct report history doctor cli __main__"
).split()
# These stand apart: what else they may import.
APART = {
    "reference": {"foundation"},
    # Of a scenario it knows how credentials are said, of the load where a server's doors are, of the run directory how files are written and what is undone, of the report how pages look.
    "verify": {"foundation", "mcp", "scenario", "client", "services", "load", "run_directory", "report"},
}
# Reading a run comes before conducting one: conduct ends by calling the report.
# `harness serve` takes the reference server's own settings, and drops its schema.
ALSO = {"conduct": {"report"}, "cli": {"reference", "verify"}}
# Of the foundation, the reference server knows no more than this: it is a server like anybody else's.
OF_THE_FOUNDATION = {"units", "errors", "clock", "free_memory"}
LINES_MAX = 400


@cache
def text_of(path: Path) -> str:
    """A module's text."""
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    """A module, parsed when a test asks: whoever only collects tests need not wait for it."""
    return ast.parse(text_of(path))


def part(path: Path) -> str:
    """The first name below the package."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    """The parts of the harness that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = {name.split(".")[1] for name in names if name.startswith("harness.")}
    return parts & ({*ORDER, *APART})


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_imports_go_one_way() -> None:
    """From the ground up; the target and the verification suite stand apart."""
    wrong = {}
    for path in MODULES:
        own = part(path)
        if own != "__init__":
            allowed = APART.get(own) or {*ORDER[: ORDER.index(own)], *ALSO.get(own, ())}
            wrong[named(path)] = imported_parts(path) - {own} - allowed

    assert {name: parts for name, parts in wrong.items() if parts} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Nor within a part, and wherever in a module the import stands."""
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in MODULES
    }
    left = {name: imported_modules(path, names.keys()) - {name} for name, path in names.items()}
    while free := {name for name, needed in left.items() if not needed & left.keys()}:
        left = {name: needed for name, needed in left.items() if name not in free}

    assert left == {}


def imported_modules(path: Path, known: Collection[str]) -> set[str]:
    """The modules of the harness that a module imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inside if inside <= set(known) else {*inside, node.module}
    return found & set(known)


def test_the_reference_server_knows_nothing_of_the_harness() -> None:
    """Units, errors, the clock and free memory, and of those no more than a server of anybody else's could have."""
    imports = re.compile(r"^\s*from harness\.foundation(?:\.(\w+))? import (.+)$", re.MULTILINE)
    known = {
        name.strip()
        for path in MODULES
        if part(path) == "reference"
        for room, names in imports.findall(text_of(path))
        for name in ([room] if room else names.split(","))
    }

    assert known <= OF_THE_FOUNDATION


def test_there_are_few_rooms_and_each_says_what_may_live_in_it() -> None:
    """`ls harness` fits on a screen, and every folder of modules introduces itself."""
    rooms = [path.parent for path in MODULES if path.name == "__init__.py"]

    assert sum(1 for room in rooms if room.parent == PACKAGE) <= 16
    assert [named(room) for room in rooms if not ast.get_docstring(tree_of(room / "__init__.py"))] == []


def test_modules_are_small_named_for_a_noun_and_introduce_themselves() -> None:
    """One noun a module, a docstring at its head, never more than 400 lines."""
    no_nouns = {"util", "utils", "helper", "helpers", "manager", "base", "common", "misc"}

    assert [named(path) for path in MODULES if text_of(path).count("\n") > LINES_MAX] == []
    assert [named(path) for path in MODULES if path.stem in no_nouns] == []
    assert [
        named(path) for path in MODULES if text_of(path).strip() and not ast.get_docstring(tree_of(path))
    ] == []


def test_only_what_runs_inside_locust_imports_locust_and_gevent() -> None:
    """Importing them patches the whole process; and nothing in there imports the SDK that Locust shadows."""
    locust = re.compile(r"^\s*(import|from) (locust|gevent)\b", re.MULTILINE)
    sdk = re.compile(r"^\s*(import|from) mcp\b", re.MULTILINE)

    assert [
        named(path) for path in MODULES if (sdk if "inside" in path.parts else locust).search(text_of(path))
    ] == []


@pytest.mark.parts
def test_the_janitor_needs_nothing_but_the_standard_library() -> None:
    """It outlives the harness, starts at once, and works when anything else is broken: here there is nothing else."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import harness.services.cleanup.janitor"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_inherits_but_errors_and_what_a_library_asks_for() -> None:
    """Values, functions and protocols; a class of our own is the parent of an error only."""
    classes = [
        (path, node) for path in MODULES for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)
    ]
    # Every class of our own that is no error. Locust's own way of making users is a chain of classes.
    ours = {
        node.name for path, node in classes if node in tree_of(path).body and not node.name.endswith("Error")
    } - {"McpUser"}

    assert [
        (named(path), node.name)
        for path, node in classes
        if ours & {ast.unparse(base) for base in node.bases}
    ] == []


# Who opens connections himself, and why that is no way around the addresses that a run has vetted.
CONNECTS = {
    "foundation/addresses/resolved.py": "by what was vetted",
    "foundation/addresses/vetting.py": "looks up, and connects to nothing",
    "faults/canary/postgres.py": "is given a number by conduct.setup.starting",
    "client/auth/fetching.py": "with addresses.connector, by what it has vetted itself",
    "client/http.py": "with addresses.connector",
    "conduct/capacity/held_connection.py": "by resolved.addresses",
    "client/recorder.py": "with addresses.connector",
    "history/opening.py": "by what was vetted, and to 127.0.0.1",
    "conduct/live/alerting.py": "with addresses.connector",
    "conduct/durability/tasks.py": "to a target of ours, and to a database by number",
    "doctor/servers.py": "to what it has vetted, a database by number",
    "faults/toolkit/line.py": "to 127.0.0.1",
    "load/inside/transport/connecting.py": "by what the worker was told",
    "load/locust_engine.py": "over a socket that is there",
    "faults/rude_clients/wire.py": "by resolved.addresses",
    "verify/backends/database.py": "by number",
    "verify/backends/page.py": "with addresses.connector",
    "services/cleanup/leftover_calls.py": "is given a number by verify.removing",
    "services/backends/dropping.py": "is given a number by verify.removing",
    "services/cleanup/leftover_proxies.py": "is given a number by services.toxiproxy",
    "services/balancer/control.py": "over a socket pair",
    "services/balancer/relay.py": "to processes of ours",
    "services/balancer/__main__.py": "over a socket pair",
    "services/processes/readiness.py": "to ports of ours, and with addresses.connector",
}


def test_nobody_connects_but_by_the_addresses_that_were_vetted() -> None:
    """Another one has to say here why it is no way around them; the target stands apart."""
    opens = re.compile(
        r"(open_connection|create_connection|sock_connect|getaddrinfo|gethostbyname|ClientSession|HTTPS?Connection|"
        r"asyncpg\.connect|urlopen)\("
    )
    found = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if part(path) != "reference" and opens.search(path.read_text(encoding="utf-8"))
    }

    assert found == set(CONNECTS)


def test_the_repository_names_no_machine_and_no_registry() -> None:
    """Constraints pin versions, and say nothing of where they come from."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")

    assert "://" not in text
    assert "--" not in text
