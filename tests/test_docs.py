"""The documentation holds: every command in it is run, every word of the catalogue is in it, every link leads somewhere."""

import atexit
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from harness.cli.main import COMMANDS
from harness.mcp import outcome
from harness.scenario.arguments import TEMPLATES
from harness.scenario.catalogue import FAULTS, LINKS, METRICS
from harness.scenario.model import PROTOCOLS
from harness.scenario.objectives import ABORT_METRICS, COMPARE, parse
from harness.scenario.read import scenario_of
from harness.services.processes.ports import free_port
from tests import waiting
from tests.fakes import fault_page, stdio_server

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "AGENTS.md",
    ROOT / ".github" / "CONTRIBUTING.md",
]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)

# Commands that no test types, each with its reason.
EXEMPT = {
    "make test": "it is what runs this test",
    "make run": "its command is run below; making a virtual environment is what a fresh clone does",
    "make check": "CI runs it beside the tests",
    "make fuzz SECONDS=60": "CI runs it after the tests",
    "make fuzz SECONDS=240 SEED=7 PART=wire": "the same, for longer",
}
# docs/target.md is run by tests/integration/target/test_docs.py.
ELSEWHERE = {"target.md", "first-run.md"}
NPM_SERVER = (
    "npx -y @modelcontextprotocol/server-everything"  # tests/integration/test_stdio.py runs the real one
)
PASSED_OR_UNKNOWN = {0, 3}


def commands() -> list[str]:
    """Every line of every shell block."""
    found = [
        line.strip()
        for page in PAGES
        if page.name not in ELSEWHERE
        for block in BLOCK.findall(page.read_text(encoding="utf-8"))
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    return [line for line in dict.fromkeys(found) if line not in EXEMPT]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place like the repository, to run commands in."""
    place = tmp_path_factory.mktemp("workspace")
    for name in ("chaos", "locustfiles", "scenarios", "docs"):
        (place / name).symlink_to(ROOT / name)
    return place


@pytest.fixture(scope="module")
def echo_server() -> Iterator[int]:
    """What the README calls your own server."""
    code = (
        "import sys, uvicorn\nfrom mcp.server import MCPServer\nserver = MCPServer('yours')\n"
        "@server.tool(annotations={'readOnlyHint': True})\ndef echo(message: str) -> str:\n    return message\n"
        "uvicorn.run(server.streamable_http_app(), host='127.0.0.1', port=int(sys.argv[1]), log_level='warning')\n"
    )
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", code, str(port)])
    waiting.for_port(port)
    yield port
    process.kill()
    process.wait()


@pytest.mark.parts
@pytest.mark.long  # ten minutes of runs, as long as each is documented
@pytest.mark.timeout(300)
@pytest.mark.parametrize("line", commands())
def test_every_command_in_the_documentation_works(
    line: str, workspace: Path, echo_server: int, toxiproxy_binary: Path
) -> None:
    """As it is written, but for ports that may be taken; servers are started, and stopped when they answer."""
    port = free_port()
    if line.startswith("locust "):
        with_locust(line, port, workspace)
        return
    if line.startswith("python -m tests."):
        subprocess.run([sys.executable, *shlex.split(line)[1:]], cwd=ROOT, check=True, timeout=100)
        return
    line = line.replace("--prometheus 9464", "--prometheus 0")
    line = line.replace(NPM_SERVER, shlex.join(stdio_server.command()))
    argv = shlex.split(line.replace(":3001/", f":{echo_server}/").replace("--port 8000", f"--port {port}"))
    assert argv[0] == "harness", f"who tests {line!r}?"
    if argv[1] == "report":
        make_a_run(argv[2], workspace)
    if argv[1] == "verify":
        learnt(argv, workspace)
    process = start(argv, workspace, toxiproxy_binary)
    if argv[1] == "serve" or argv[1:3] == ["toxiproxy", "start"]:
        waiting.for_port(port)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=280)
    assert process.returncode in PASSED_OR_UNKNOWN, err
    assert "Traceback" not in out + err


def make_a_run(path: str, workspace: Path) -> None:
    """`harness report` needs something to read."""
    name = Path(path).parts[1]
    if not (workspace / path / "metadata.json").exists():
        (workspace / f"{name}.yaml").write_text("load: [{sustain: {users: 2, for: 2s}}]\nthink: false\n")
        process = start(["harness", "run", f"{name}.yaml"], workspace, None)
        _, err = process.communicate(timeout=120)
        assert process.returncode in PASSED_OR_UNKNOWN, err


def learnt(argv: list[str], workspace: Path) -> None:
    """`verify.yaml` is learnt before it is used, and not there when it is learnt, whichever line comes first."""
    if "--learn" in argv:
        for name in ("verify.yaml", "tools.lock.json"):
            (workspace / name).unlink(missing_ok=True)
    elif "verify.yaml" in argv and not (workspace / "verify.yaml").exists():
        process = start([*argv[:-1], "--learn"], workspace, None)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err


def with_locust(line: str, port: int, workspace: Path) -> None:
    """Plain Locust starts its web UI with our users in it.

    It is ended by SIGTERM: a Ctrl-C that comes while its web server starts is lost in one of Locust's greenlets.
    """
    argv = [*shlex.split(line), "--web-host", "127.0.0.1", "--web-port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", *argv], cwd=workspace, stderr=subprocess.PIPE, text=True
    )
    try:
        waiting.for_port(port)
        assert process.poll() is None
    finally:
        process.terminate()
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()


@cache
def history_place() -> Path:
    """Where `nobody` can go, as whom PostgreSQL runs when root runs the tests."""
    place = Path(tempfile.mkdtemp(prefix="history-"))
    place.chmod(0o711)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def start(argv: list[str], workspace: Path, toxiproxy: Path | None) -> "subprocess.Popen[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HARNESS_")}
    environment |= {"HARNESS_HISTORY": "off", "HARNESS_HISTORY_DIR": str(history_place())}
    if toxiproxy is not None:
        place = workspace / "bin"
        place.mkdir(exist_ok=True)
        if not (place / "toxiproxy-server").exists():
            (place / "toxiproxy-server").symlink_to(toxiproxy)
        environment |= {
            "PATH": f"{place}{os.pathsep}{os.environ['PATH']}",
            "HARNESS_HOME": str(workspace / "home"),
        }
    return subprocess.Popen(
        [sys.executable, "-m", *argv],
        cwd=workspace,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_word_a_scenario_may_use_is_documented() -> None:
    """Faults, their parameters, links, templates."""
    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")

    faults = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")

    assert all(f"## {name}\n" in faults for name in FAULTS)
    assert all(f"`{link}`" in faults for link in LINKS)
    assert all(f"{{{{{name}" in text for name in TEMPLATES)


def test_the_page_of_faults_is_what_the_catalogue_and_the_faults_say(pytestconfig: pytest.Config) -> None:
    """Written by `--update-golden`, never by hand."""
    page = ROOT / "docs" / "faults.md"
    if pytestconfig.getoption("--update-golden"):
        page.write_text(fault_page.page(), encoding="utf-8")

    assert page.read_text(encoding="utf-8") == fault_page.page()


def test_every_outcome_and_every_protocol_is_documented() -> None:
    """What a row may say, and what a user may ask for."""
    text = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")

    assert [name for name in outcome.ALL if f"| `{name}` |" not in text] == []
    assert [name for name in PROTOCOLS if f"`{name}`" not in text] == []


def test_the_example_scenario_of_the_documentation_can_be_read() -> None:
    """It is not prose."""
    import yaml

    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    whole, *parts = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    shop = yaml.safe_load(whole)

    assert scenario_of(shop, "docs/scenarios.md", {"MCP_TOKEN": "t"}).name == "shop"
    for part in parts:  # each says more about one key of it
        changed = {key: value for key, value in shop.items() if key != "faults"} | yaml.safe_load(part)
        scenario_of(changed | {"objectives": []}, "docs/scenarios.md", {"MCP_TOKEN": "t"})


def test_every_command_is_in_a_page() -> None:
    """Nobody has to guess that it is there."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert [name for name in COMMANDS if f"harness {name}" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    """Pages and pictures."""
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_grammar_of_objectives_is_the_one_that_is_read() -> None:
    """Every metric and comparison is in it, and every line of its examples can be read."""
    text = (ROOT / "docs" / "objectives.md").read_text(encoding="utf-8")
    grammar, examples = re.findall(r"```\n(.*?)```", text, re.DOTALL)[:2]

    assert set(re.findall(r'"(\w+)"', grammar)) == {
        *METRICS,
        "for",
        "in",
        "during",
        "after",
        "overall",
    }
    assert all(f'"{op}"' in grammar for op in COMPARE)
    assert [parse(line).text for line in examples.splitlines()] == examples.splitlines()
    assert all(f"`{name}`" in text for name in METRICS)
    assert all(f'"{name}"' in text.split("## Abort rules")[1] for name in ABORT_METRICS)
