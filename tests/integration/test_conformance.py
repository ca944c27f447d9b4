"""The official conformance suite for clients, run against our aiohttp client: the referee of what we put on the wire.

The gevent client of the load sends the same bytes: tests/load/inside/test_same_bytes.py.
Left out, since a client that measures has no part in them: authorization (auth/*), extensions (sep-2640-*), and the
echo of a schema (json-schema-2020-12-preservation).
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import getting, npm

PACKAGE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
ROOT = Path(__file__).parents[2]
SCENARIOS = {
    "2025-06-18": ["initialize"],
    "2025-11-25": ["initialize", "tools_call", "sse-retry", "elicitation-sep1034-client-defaults"],
    "2026-07-28": [
        "tools_call",
        "request-metadata",
        "http-standard-headers",
        "http-custom-headers",
        "http-invalid-tool-headers",
        "sep-2322-client-request-state",
        "json-schema-ref-no-deref",
    ],
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("version", "scenario"), [(version, name) for version, names in SCENARIOS.items() for name in names]
)
def test_our_client_conforms(version: str, scenario: str, tmp_path: Path) -> None:
    """Every check of the scenario passes, by the suite's own exit code."""
    suite = npm.installed(PACKAGE) / "dist" / "index.js"
    client = shlex.join([sys.executable, str(ROOT / "tests" / "fakes" / "conformance_client.py")])
    command = [
        getting.node_program("node"),
        str(suite),
        "client",
        "--command",
        client,
        "--scenario",
        scenario,
    ]
    options = ["--spec-version", version, "--timeout", "60000", "-o", str(tmp_path)]
    done = subprocess.run(
        [*command, *options],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    checks = [check for path in tmp_path.rglob("checks.json") for check in json.loads(path.read_text())]

    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert [check for check in checks if check["status"] in {"FAILURE", "WARNING"}] == []
    assert [check for check in checks if check["status"] == "SUCCESS"]
