"""The official conformance suite for servers, both eras, all its scenarios, against the reference target.

What it does not pass is listed with the reason; a scenario that stops failing is told too, so the list stays true.
Whatever a scenario asks for, each message that the target sends must be valid by the protocol's schema.
"""

import json
import subprocess

import pytest

from tests import getting, npm

PACKAGE = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
PASSED = {
    "2025-11-25": {
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
    },
    "2026-07-28": {
        "tools-list",
        "server-sse-multiple-streams",
        "sep-2164-resource-not-found",
        "dns-rebinding-protection",
        "http-header-validation",
        "input-required-result-missing-input-response",
        "input-required-result-unsupported-methods",
        "input-required-result-ignore-extra-params",
        "input-required-result-validate-input",
    },
}
# Scenarios by how their names begin.
NOT_PASSED = {
    "prompts-": "the target has no prompts",
    "resources-": "the target has no resources",
    "completion-complete": "there is nothing to complete without prompts and resources",
    "logging-set-level": "the target sends no log messages to clients",
    "caching": "asks for the lists of prompts and resources too",
    "tools-call-": "calls tools that a server must have for the suite (test_simple_text, …)",
    "json-schema-2020-12": "the same",
    "http-custom-header-server-validation": "the same: a tool with x-mcp-header",
    "elicitation-": "the target asks clients for nothing",
    "input-required-result-": "the same",
}
# Of scenarios that are passed but for these checks.
CHECKS_NOT_PASSED = {
    "server-stateless": {
        # These need tools of the suite's own.
        "sep-2575-server-rejects-undeclared-capability",
        "sep-2575-missing-capability-http-400",
        "sep-2575-http-server-no-independent-requests-on-stream",
        "sep-2575-server-no-log-without-loglevel",
    },
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", list(PASSED))
def test_the_target_conforms(target_url, version, tmp_path):
    """What is passed and what is not is what the tables say."""
    suite = npm.installed(PACKAGE) / "dist" / "index.js"
    command = [getting.node_program("node"), str(suite), "server", "--url", f"{target_url}/mcp"]
    options = ["--spec-version", version, "--suite", "all", "--timeout", "60000", "-o", str(tmp_path)]
    subprocess.run([*command, *options], capture_output=True, timeout=200, check=False)
    failed = {scenario: failures(place) for scenario, place in scenarios(tmp_path)}

    assert all("wire-schema-valid" not in ids for ids in failed.values())
    # A scenario that checks nothing where it does not apply is neither.
    assert {scenario for scenario, ids in failed.items() if not ids} - {"server-sse-polling"} == PASSED[
        version
    ]
    for scenario, ids in failed.items():
        if scenario in CHECKS_NOT_PASSED:
            assert ids == CHECKS_NOT_PASSED[scenario]
        elif ids:
            assert any(scenario.startswith(name) for name in NOT_PASSED), (scenario, ids)


def scenarios(results):
    """Each scenario that was run, and where what it found is: `server-NAME-YYYY-MM-DDTHH-MM-SS-mmmZ`."""
    for place in sorted(results.iterdir()):
        yield place.name.removeprefix("server-").rsplit("-", 6)[0], place


def failures(place):
    return {
        check["id"]
        for check in json.loads((place / "checks.json").read_text())
        if check["status"] == "FAILURE"
    }
