"""What `harness verify --trend` tells of the verifications that were kept."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.cli import main
from harness.verify.finding import Outcome, Result
from harness.verify.results import files, trend
from harness.verify.results.suite import SuiteResult


def kept(
    out: Path,
    second: int,
    code: int,
    server: str = "shop 1",
    target: str = "http://127.0.0.1:1/mcp",
    **checks: Outcome,
) -> Path:
    results = tuple(
        Result(name, "", "test_p1_x.py::t", 1, "tools", outcome) for name, outcome in checks.items()
    )
    place = files.create(out, datetime.fromtimestamp(1_700_000_000 + second, UTC))
    files.write(place, SuiteResult(target, server, results, code, (1_700_000_000 + second) * 1000, 2.5))
    return place


def test_a_line_for_each_that_was_kept_and_what_is_new(tmp_path: Path) -> None:
    """Compared with the one before of the same deployment."""
    kept(tmp_path, 1, 0, a="passed", b="passed")
    kept(tmp_path, 2, 1, target="http://127.0.0.1:2/mcp", b="failed")
    kept(tmp_path, 3, 1, server="shop 2\x1b[2J", a="passed", b="failed", c="unknown")
    kept(tmp_path, 4, 3, server="shop 2\x1b[2J", a="passed", c="unknown", d="skipped")
    shown = trend.lines(trend.read(tmp_path))
    text = "\n".join(shown)

    assert [line.split()[2] for line in shown if line.startswith("2023-11-14")] == ["0", "1", "1", "3"]
    assert "another build: shop 1 before" in text
    assert "newly failing: b, c" in text
    assert "no longer failing: b" in text
    assert "\x1b" not in text
    assert len(trend.read(tmp_path, target="http://127.0.0.1:2/mcp")) == 1
    assert len(trend.read(tmp_path, most=2)) == 2


def test_results_that_cannot_be_read_are_no_pass(tmp_path: Path) -> None:
    """They are said to be there; directories without results are of verifications that did not end, or are under way."""
    for number, text in enumerate(("{", "[]", '{"results": {}}', "[" * 1000)):
        (kept(tmp_path, number, 0, a="passed") / "results.json").write_text(text)
    files.create(tmp_path, datetime.fromtimestamp(1_700_000_009, UTC))
    found = trend.read(tmp_path)

    assert [each.exit_code for each in found] == [None] * 4
    assert all("cannot be read" in line for line in trend.lines(found)[1:])


@pytest.mark.parametrize(
    "number", ["1e300", "9" * 30, "-1000000000000000000", "1e999", "NaN", '"1"', "true", "9" * 4_000]
)
@pytest.mark.parametrize("key", ["start", "stop", "failed", "exit_code"])
def test_numbers_that_no_verification_writes_are_no_results(tmp_path: Path, key: str, number: str) -> None:
    """A time that no calendar has, a count that no line holds."""
    path = kept(tmp_path, 1, 1, a="failed") / "results.json"
    report = json.loads(path.read_text())
    report["results"]["extra" if key == "exit_code" else "summary"][key] = "HERE"
    path.write_text(json.dumps(report).replace('"HERE"', number))
    found = trend.read(tmp_path)

    assert [each.exit_code for each in found] == [None]
    assert "cannot be read" in trend.lines(found)[1]
    assert trend.as_data(found)[0]["exit_code"] is None


def test_the_command_prints_it_and_reaches_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a table, and as JSON."""
    assert main.run(["verify", "--trend", "--out", str(tmp_path)]) == 0
    nothing = capsys.readouterr().out
    kept(tmp_path, 1, 8, a="failed")
    assert main.run(["verify", "--trend", "--json", "--out", str(tmp_path)]) == 0
    (data,) = json.loads(capsys.readouterr().out)
    other = ["--url", "http://me:s3cr3t-9@127.0.0.1:2/mcp"]
    assert main.run(["verify", "--trend", "--json", "--out", str(tmp_path), *other]) == 0
    assert json.loads(capsys.readouterr().out) == []

    assert "Nothing was verified yet" in nothing
    assert (data["exit_code"], data["failed"], data["wrong"]) == (8, 1, ["a"])
