"""The tables: every name known has a unit that can be read, and is explained to users."""

import ast
from pathlib import Path

import pytest

from harness.analysis.statistics.rounding import show
from harness.scenario.catalogue import METRICS, QUANTILES, USER_CLASSES
from harness.scenario.objectives import parse

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "objectives.md"
VALUES = {"ms": "250ms", "s": "10s", "share": "99%", "per_s": "300/s", "count": "0"}


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_can_be_written_as_an_objective_and_shown(name):
    """A unit that the grammar or the report does not know would make the metric useless."""
    objective = parse(f"{name} == {VALUES[METRICS[name].unit]}")

    assert objective.metric == name
    assert show(objective.value, objective.unit)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_explained_to_users(name):
    """A word that can be used is a word that is documented."""
    assert f"`{name}`" in DOCS.read_text(encoding="utf-8")


def test_every_user_class_is_in_the_locustfile_and_calls_the_tools_that_it_is_said_to_call():
    """One line here, one class there: whoever adds a class of users adds these two."""
    tree = ast.parse((ROOT / "locustfiles" / "mcp.py").read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            asked = [
                one
                for one in ast.walk(node)
                if isinstance(one, ast.Call) and ast.unparse(one.func) == "self.call"
            ]
            found[node.name] = {one.args[0].value for one in asked}

    assert found == {user.class_name: set(user.tools) for user in USER_CLASSES.values()}


def test_percentiles_are_metrics_with_their_share_in_thousandths():
    """p999 is 99.9 %: 999 of a thousand."""
    assert {name: QUANTILES[name] / 10 for name in QUANTILES} == {
        "p50": 50.0,
        "p90": 90.0,
        "p95": 95.0,
        "p99": 99.0,
        "p999": 99.9,
    }
    assert set(QUANTILES) < set(METRICS)
