"""`harness chaos`: what goes together and what does not, told before anything starts."""

import json
from pathlib import Path

import pytest

from harness.cli.main import run
from harness.cli.serve import command as serve
from harness.foundation.errors import PASSED, USAGE

MATRIX = ("chaos", "--matrix", "--quick")
REFUSED = [
    (("chaos",), "needs an experiment, or --matrix"),
    (("chaos", "x.yaml", "--quick"), "--quick is for a matrix"),
    (("chaos", "x.yaml", "--for", "3s"), "--for is for a matrix"),
    ((*MATRIX, "--fault", "kill:at=1s,for=1s"), "--fault does not go with --matrix"),
    ((*MATRIX, "--only", "kil"), "Did you mean kill?"),
    ((*MATRIX, "--target-options", "--break nothing"), "'nothing' is not one of"),
    ((*MATRIX, "--target-options", "--port 1"), "--port cannot be given to the reference server"),
    ((*MATRIX, "--url", "http://127.0.0.1:9/mcp", "--target-options", "--sse"), "this is another one"),
    ((*MATRIX, "--url", "http://127.0.0.1:9/mcp", "--only", "kill"), "None of these faults fits this target"),
]


@pytest.mark.parametrize(("argv", "why"), REFUSED)
def test_what_does_not_go_together_is_refused(
    argv: tuple[str, ...], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, with what would be right, and no run directory."""
    assert run([*argv, "--out", str(tmp_path)]) == USAGE

    assert why in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["9007199254740992", "[a]", "stdio"])
def test_a_target_that_is_no_mapping_is_said_to_be_none(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"target: {target}\nworkload: [{{call: echo}}]\n")

    assert run(["chaos", "--matrix", str(path), "--dry-run"]) == USAGE
    assert "target: should be a mapping" in capsys.readouterr().err


def test_a_dry_run_says_how_long_it_would_take(capsys: pytest.CaptureFixture[str]) -> None:
    """And nothing is started: a step for each row, and the total."""
    assert run([*MATRIX, "--only", "noop,kill", "--dry-run"]) == PASSED

    shown = capsys.readouterr().out
    assert shown.startswith("matrix: 3 steps, 1m15s, seed 0\n")
    assert "! kill-postgres for 3s" in shown


def test_a_scenario_says_what_the_target_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its target, its users and its work; load and faults are the matrix's own."""
    path = tmp_path / "mine.yaml"
    path.write_text(
        "target: {command: [mine], url: 'http://127.0.0.1:9/mcp'}\nworkload: [{call: echo}]\n"
        "load: [{ramp: {to: 5}}]\nfaults: [{fault: down, at: 1s, for: 1s}]\n"
    )

    assert run(["chaos", "--matrix", str(path), "--only", "down,kill", "--dry-run", "--json"]) == PASSED

    plan = json.loads(capsys.readouterr().out)
    assert [step["phase"] for step in plan["steps"]] == ["down-client", "kill-target"]
    assert {fault["link"] for fault in plan["faults"]} == {"client", "target"}


@pytest.mark.parametrize(
    ("file", "argv", "expected"),
    [
        ("", (), 20),
        ("calls_per_connection: 3", (), 3),
        ("calls_per_connection: null", (), None),
        ("calls_per_connection: 3", ("--calls-per-connection", "5"), 5),
        ("", ("--calls-per-connection", "0"), None),
    ],
)
def test_clients_of_a_matrix_come_and_go_unless_somebody_says_otherwise(
    file: str, argv: tuple[str, ...], expected: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Some faults are met by new connections only; the command line wins over the file, over the default."""
    path = tmp_path / "mine.yaml"
    path.write_text(f"load: [{{ramp: {{to: 5}}}}]\n{file}\n")

    assert run([*MATRIX, str(path), "--only", "noop", "--dry-run", "--json", *argv]) == PASSED

    assert json.loads(capsys.readouterr().out)["calls_per_connection"] == expected


def test_the_options_of_a_target_are_those_of_serve() -> None:
    """What is refused of them stands in its table; a new one that says where the target is belongs there, too."""
    assert {"host", "port", "database_url", "drop_schema", "worker"} <= {one.name for one in serve.params}
