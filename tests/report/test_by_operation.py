"""One tool of two stays slow after a fault: from the rows of a run to the verdict and to every format."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from harness.analysis.statistics.rounding import BLANK
from harness.report import junit, markdown, terminal
from harness.report.fault_table import faults
from harness.report.reading import Reading, read
from tests.fakes.results import plain
from tests.fakes.runs import Run

ROOT = Path(__file__).parents[2]
STILL = "tools/call:b is still at 200 ms, 5.00 ms before"
NOT_BACK = f"not recovered 20 s after healing: {STILL}"


def two_tools(path: Path, *, slow_s: float = 1000.0, objectives: list[str] | None = None) -> Reading:
    """60 s at 100/s, each fourth call of b; the link is down from 35 s to 40 s, and b slow for so long after that."""
    run = Run(name="two-tools", objectives=objectives or [])
    at_s = 1.0 + np.arange(6000) / 100
    operation = np.where(np.arange(6000) % 4 == 3, "tools/call:b", "tools/call:a")
    down = (at_s >= 36) & (at_s < 41)
    slow = (operation == "tools/call:b") & (at_s >= 41) & (at_s < 41 + slow_s)
    run.fault("cut", 36.0, 5.0, kind="down", healing_s=0.0)
    run.level(
        10,
        seconds=60,
        rps=100,
        ms=np.where(slow, 200.0, 5.0),
        kind="sustain",
        phase="steady",
        operation=operation,
        outcome=np.where(down, "connect", "ok"),
        status=np.where(down, -1, 200),
    )
    run.end()
    return read(run.write(path))


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return two_tools(tmp_path_factory.mktemp("run"), objectives=["recovery < 10s after cut"])


def test_it_fails_and_the_reasons_name_the_tool(reading: Reading) -> None:
    """The fault's own, and the objective's."""
    summary = reading.summary

    assert (summary.verdict, summary.exit_code) == ("fail", 1)
    assert f"the fault cut: {NOT_BACK}" in summary.reasons
    assert any("not recovered 20 s after healing cut" in why and STILL in why for why in summary.reasons)


def test_the_summary_has_each_operation(reading: Reading) -> None:
    """Before, during and after; by the published schema."""
    schema = json.loads((ROOT / "docs" / "summary.schema.json").read_text(encoding="utf-8"))
    summary = plain(reading.summary)
    (fault,) = summary["faults"]
    first, second = fault["operations"]

    jsonschema.validate(summary, schema)
    assert (fault["recover_s"], fault["resolution_s"]) == (None, None)
    assert [first["operation"], first["recovery"], first["recover_s"]] == ["tools/call:a", "recovered", 0.0]
    assert [second["operation"], second["recovery"], second["recover_s"]] == [
        "tools/call:b",
        "not_recovered",
        None,
    ]
    assert (second["before"]["p50_ms"], second["after"]["p50_ms"], first["after"]["p50_ms"]) == (
        5.0,
        200.0,
        5.0,
    )
    assert second["during"]["success_rate"] < 0.01


def test_every_format_shows_the_tools_apart(reading: Reading) -> None:
    """The worst first."""
    text = " ".join(terminal.render(reading, colour=False).split())
    page = faults(reading)

    assert (
        f"tools/call:b 125 0% 5.00 ms {BLANK} 200 ms not recovered tools/call:a 375 0% 5.00 ms {BLANK} 5.00 ms at once"
        in text
    )
    assert f"The fault cut: {NOT_BACK}" in text
    assert (
        f"| {BLANK} tools/call:b | 125 | 0% | 5.00 ms | {BLANK} | 200 ms | not recovered |"
        in markdown.markdown(reading)
    )
    assert page is not None
    assert "By operation" in page.text
    assert STILL in page.text
    assert NOT_BACK in junit.junit(reading)


def test_a_tool_that_came_back_later_is_named_with_the_resolution(tmp_path: Path) -> None:
    """Four seconds, to the second."""
    late = two_tools(tmp_path, slow_s=4.0, objectives=["recovery < 4s after cut"])
    (fault,) = plain(late.summary)["faults"]

    assert (fault["recover_s"], fault["resolution_s"]) == (4.0, 1.0)
    assert [row["recover_s"] for row in fault["operations"]] == [0.0, 4.0]
    assert "Recovery cut: after 4 s, to the second, tools/call:b recovered last" in " ".join(
        terminal.render(late, colour=False).split()
    )
    assert any("4.0 s" in why and "tools/call:b recovered last" in why for why in late.summary.reasons)


def test_operations_that_took_it_alike_are_not_shown_apart(tmp_path: Path) -> None:
    """A table is short where there is nothing to tell."""
    same = two_tools(tmp_path, slow_s=0.0)

    assert "tools/call:" not in terminal.render(same, colour=False)
    assert len(same.summary.faults[0].operations) == 2
