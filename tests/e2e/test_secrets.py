"""A secret at every entrance, and none in anything that is written: files, streams, pages, command lines of children."""

import base64
import json
import re
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest

from harness.cli.main import run
from harness.cli.report import FORMATS
from harness.services.processes.ports import free_port
from tests.fakes import telltale
from tests.waiting import for_port, until

Start = Callable[..., Any]
TELLTALE = telltale.__file__


class Planted:
    """Secrets by where they were planted, each unlike all others."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def __call__(self, where: str, more: str = "") -> str:
        self.values[where] = f"Zq{len(self.values):02}wX{len(self.values) * 7919:05}kV{more}"
        return self.values[where]

    def found(self, text: str) -> list[str]:
        """Which of them are in a text, in any form; beginnings that a cut has left among them."""
        return [
            where
            for where, value in self.values.items()
            if any(form in text for form in {*forms(value), value[:8]})
        ]

    def found_whole(self, text: str) -> list[str]:
        """The same, without beginnings: tokens of one server begin alike."""
        return [where for where, value in self.values.items() if any(form in text for form in forms(value))]


def forms(value: str) -> set[str]:
    """Written here anew, so that it does not repeat what it tests."""
    return {
        value,
        quote(value, safe=""),
        quote(value, safe="").lower(),
        json.dumps(value)[1:-1],
        base64.b64encode(value.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
        value.encode().hex(),
    }


@pytest.fixture
def planted() -> Planted:
    return Planted()


def files(directory: Path) -> Iterator[tuple[Path, str]]:
    """All there is, as text."""
    for path in sorted(directory.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
        if path.is_file():
            yield path, path.read_bytes().decode("latin-1")


def children(pid: int) -> Iterator[int]:
    """All that came of a process."""
    for place in (
        Path("/proc").glob("[0-9]*/task/*/children")
        if pid == 0
        else Path(f"/proc/{pid}/task").glob("*/children")
    ):
        for child in map(int, place.read_text().split()):
            yield child
            yield from children(child)


def command_lines(pid: int) -> list[str]:
    """Those of our own children; what the user's command says of itself is the user's."""
    lines = []
    for child in children(pid):
        try:
            lines.append(Path(f"/proc/{child}/cmdline").read_text())
        except OSError:
            continue
    return [line for line in lines if TELLTALE not in line]


def test_no_secret_leaves_by_anything_that_a_run_writes(
    harness: Start,
    tmp_path: Path,
    planted: Planted,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One run with all entrances; the server tells in its log and its errors what it was given."""
    port, dead = free_port(), free_port()
    environment = {
        "PLANTED_TOKEN": planted("an environment variable handed to children"),
        "FROM_ENV": planted("a ${NAME} in arguments", "/+ x"),
        "FROM_ENV_TOO": planted("a ${NAME} in the command"),
        "DATABASE_URL": f"postgresql://me:{planted('DATABASE_URL')}@127.0.0.1:1/db",
        "AMQP_URL": f"amqp://me:{planted('AMQP_URL')}@127.0.0.1:1/",
        "REDIS_URL": f"redis://:{planted('REDIS_URL')}@127.0.0.1:1/0",
    }
    command = [
        "env",
        f"PLANTED_PGPASSWORD={planted('an assignment in the command')}",
        sys.executable,
        TELLTALE,
        str(port),
        "--token",
        planted("an argument of the command"),
        f"--api-key={planted('an argument with =')}",
        "--other-token=${FROM_ENV_TOO}",
    ]
    arguments = {"said": "${FROM_ENV}", "password": planted("an argument of a tool")}
    url = (
        f"http://me:{planted('the password of the URL', '%2F~')}@127.0.0.1:{port}/mcp"
        f"?sig={planted('a query value')}&page={planted('a query value under an innocent name')}"
    )
    scenario = {
        "name": "sentinel",
        "target": {
            "command": command,
            "url": url,
            "protocol": "2025-06-18",
            "headers": {"X-Scenario": planted("a header of the scenario", ' "<&/')},
        },
        "workload": [{"call": "tell", "args": arguments}],
        "load": [{"name": "steady", "sustain": {"users": 3, "for": "10m"}}],
        "objectives": ["failed == 0"],
        "expect_failures": True,
        "think": False,
    }
    file = tmp_path / "sentinel.yaml"
    file.write_text(json.dumps(scenario))
    started = harness(
        "run",
        str(file),
        f"-HAuthorization: Bearer {planted('a header joined to its flag', '+/=')}",
        "-H",
        f"X-Apart: {planted('a header behind its flag')}",
        f"--header=X-Equals: {planted('a header with =')}",
        "--header",
        "Accept-Language: en-US",
        "--alert",
        "console",
        "--alert",
        f"http://127.0.0.1:{dead}/services/{planted('the path of a webhook')}",
        "--prometheus",
        "0",
        "--json",
        **environment,
    )
    started.wait_for_event("step_running")
    live = started.run_dir() / "live.json"
    until(live.exists)
    seen = {"live.json": live.read_text(), "command lines": "\n".join(command_lines(started.process.pid))}
    metrics = re.search(r"For Prometheus: (\S+)", started.process.stderr.readline())
    assert metrics
    with urllib.request.urlopen(metrics[1], timeout=60) as page:
        seen["Prometheus"] = page.read().decode()
    assert "locust" in seen["command lines"] or "harness.load.inside" in seen["command lines"]
    started.wait_for_event("generator")
    started.signal(signal.SIGINT)
    assert started.wait() == 130

    run_dir = Path(started.summary()["run_dir"])
    seen |= {"standard output": started.stdout, "standard error": started.stderr}
    seen |= {str(path.relative_to(run_dir)): text for path, text in files(run_dir)}
    details = pq.read_table(run_dir / "samples.parquet")["detail"].unique().to_pylist()
    seen["samples.parquet"] = "\n".join(details)
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    again = [["report", str(run_dir), "--format", name] for name in FORMATS]
    for argv in [*again, ["plan", str(file)], ["runs", "--out", str(tmp_path / "out")], ["discover", url]]:
        run(argv)
        seen[" ".join(argv)[:40]] = "".join(capsys.readouterr())

    assert {where: found for where, text in seen.items() if (found := planted.found(text))} == {}
    assert len(details) > 20
    assert {"target.log", "events.jsonl", "undo.jsonl", "report.html", "junit.xml"} <= set(seen)
    assert "tool_error" in seen["summary.md"]
    assert "(hidden)" in seen["target.log"]
    written = seen["scenario.yaml"]
    assert "${FROM_ENV}" in written
    assert "--other-token=${FROM_ENV_TOO}" in written
    assert "Accept-Language: en-US" in written


def test_no_secret_leaves_by_what_chaos_toolkit_writes(
    harness: Start, tmp_path: Path, planted: Planted
) -> None:
    """Its journal and its log repeat the experiment, and all that came of it."""
    port = free_port()
    told = [planted("an argument of a process"), planted("an argument with =")]
    experiment = {
        "title": "Told",
        "description": "It tells what it was given.",
        "configuration": {
            "api_key": planted("a literal of the configuration"),
            "from_env": {"type": "env", "key": "PLANTED_CONFIGURATION"},
        },
        "secrets": {
            "vault": {"literal": planted("a literal secret"), "env": {"type": "env", "key": "PLANTED_SECRET"}}
        },
        "method": [
            {
                "type": "probe",
                "name": "page",
                "secrets": ["vault"],
                "provider": {
                    "type": "http",
                    "url": f"http://127.0.0.1:{port}/probe?token={planted('a query value of a probe')}",
                    "headers": {
                        "X-Key": planted("a header of a probe"),
                        "X-Env": "${env}",
                        "X-Conf": "${from_env}",
                    },
                },
            },
            {
                "type": "action",
                "name": "program",
                "provider": {
                    "type": "process",
                    "path": sys.executable,
                    "arguments": [
                        "-c",
                        "import sys; print(sys.argv); sys.exit(1)",
                        "--token",
                        told[0],
                        f"--secret={told[1]}",
                    ],
                },
            },
            {
                "type": "action",
                "name": "line",
                "provider": {
                    "type": "process",
                    "path": "echo",
                    "arguments": f"--password {planted('an argument in a line')}",
                },
            },
            {
                "type": "action",
                "name": "broken",
                "provider": {
                    "type": "http",
                    "url": f"http://me:{planted('a password in a URL of an action')}@127.0.0.1:{free_port()}/",
                },
            },
        ],
        "rollbacks": [],
    }
    file = tmp_path / "told.json"
    file.write_text(json.dumps(experiment))
    with (tmp_path / "theirs.log").open("w") as log:
        server = subprocess.Popen([sys.executable, TELLTALE, str(port)], stdout=log, stderr=log)
    try:
        for_port(port, server)
        started = harness(
            *(
                "chaos",
                str(file),
                "--url",
                f"http://127.0.0.1:{port}/mcp",
                "--protocol",
                "2025-06-18",
                "--call",
                "tell",
            ),
            *("--expect-failures", "--users", "1", "--before", "1s", "--after", "0s", "--json"),
            PLANTED_CONFIGURATION=planted("the environment, for the configuration"),
            PLANTED_SECRET=planted("the environment, for a secret"),
        )
        started.wait()
    finally:
        server.kill()
        server.wait()
    run_dir = Path(started.summary()["run_dir"])
    seen = {str(path.relative_to(run_dir)): text for path, text in files(run_dir)}
    seen |= {"standard output": started.stdout, "standard error": started.stderr}

    assert {where: found for where, text in seen.items() if (found := planted.found(text))} == {}
    journal = json.loads(seen["journal.json"])
    assert [run["activity"]["name"] for run in journal["run"]] == ["page", "program", "line", "broken"]
    assert "(hidden)" in json.dumps(journal["run"][0]["output"])
    assert {"chaos.log", "experiment.log"} <= set(seen)
