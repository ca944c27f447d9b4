"""The resilience matrix in every format: a word for each fault, and what it rests on."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.report import html as page
from harness.report import terminal
from harness.report.markdown import markdown
from harness.report.matrix_table import matrix
from harness.report.reading import Reading, read
from tests.fakes.golden import check
from tests.fakes.results import plain
from tests.fakes.runs import Run, matrix_row
from tests.fakes.runs import matrix as every_outcome
from tests.report.test_html import outline, without_pictures

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "summary.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """A row of every outcome."""
    return read(every_outcome().write(tmp_path_factory.mktemp("run")))


def test_the_terminal_shows_the_one_that_was_looked_at(reading: Reading, pytestconfig: pytest.Config) -> None:
    """In a hundred columns."""
    (reading.run_dir / "report.html").touch()
    text = terminal.render(reading, colour=False).replace(str(reading.run_dir), "reports/matrix/RUN")

    check("terminal-matrix.txt", text, pytestconfig)
    assert max(map(len, text.splitlines())) <= 100


def test_the_page_shows_the_one_that_was_looked_at(reading: Reading, pytestconfig: pytest.Config) -> None:
    """The section; a colour is never alone, the word stands beside it."""
    section = matrix(reading)
    assert section is not None

    check("matrix.html", without_pictures(section.text), pytestconfig)
    outline(section.text)
    for tone, word in (
        ("pass", "survived"),
        ("degraded", "degraded"),
        ("fail", "broke"),
        ("untold", "unknown"),
    ):
        assert re.search(rf'class="badge {tone}">. {word}', section.text)
    assert section.text in page.html(reading)


def test_markdown_has_a_line_for_each_and_names_weaknesses(reading: Reading) -> None:
    """For the summary of a CI job."""
    text = markdown(reading)

    assert "2 survived, 1 degraded, 2 broke, 1 not exposed, 1 unknown of 7 faults" in text.replace("\\", "")
    assert re.search(r"\| kill-target \| 🔴 broke: 2 acknowledged entries are missing", text)
    assert "- **ack-before-commit**: 2 acknowledged entries were lost when the target was killed" in text
    assert "| Step |" not in text


def test_the_summary_has_the_same_and_follows_its_schema(reading: Reading) -> None:
    """Additions only, each of its kind."""
    summary = plain(reading.summary)

    assert [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(summary)] == []
    rows = {row["name"]: row for row in summary["matrix"]["rows"]}
    assert rows["kill-target"]["work"] == {"missing": 2, "duplicated": 0}
    assert (rows["latency-client"]["before"]["p95_ms"], rows["latency-client"]["during"]["p95_ms"]) == (
        20,
        220,
    )
    assert [one["name"] for one in summary["matrix"]["weaknesses"]] == ["ack-before-commit"]


def test_rows_that_cannot_apply_are_in_every_format_with_their_reason(tmp_path: Path) -> None:
    """Of many the first ones; all of them in the page and in the summary."""
    run_dir = every_outcome().write(tmp_path)
    plan = json.loads((run_dir / "plan.json").read_text())
    beyond = [f"down-{number}" for number in range(6)]
    (run_dir / "plan.json").write_text(json.dumps(plan | {"not_applicable": {"there is no network": beyond}}))
    found = read(run_dir)
    summary = plain(found.summary)
    short = "down-0, down-1, down-2, down-3 and 2 more: there is no network"

    assert summary["matrix"]["not_applicable"] == [{"rows": beyond, "why": "there is no network"}]
    assert [error.json_path for error in Draft202012Validator(SCHEMA).iter_errors(summary)] == []
    assert f"Not applicable   {short}" in terminal.render(found, colour=False)
    assert f"- Not applicable: {short}" in markdown(found).replace("\\", "")
    assert f"{', '.join(beyond)}: there is no network" in matrix(found).text


def test_a_run_that_is_no_matrix_has_none(tmp_path: Path) -> None:
    """Nothing is added to it."""
    run = Run()
    matrix_row(run, "slow", "latency", "client")
    run.end()
    reading = read(run.write(tmp_path))

    assert (reading.matrix, matrix(reading), reading.summary.matrix) == ((), None, None)
    assert "Resilience" not in terminal.render(reading, colour=False) + markdown(reading)
