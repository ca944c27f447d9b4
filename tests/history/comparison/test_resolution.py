"""What a machine can tell: power against theory and simulation, the spread about a drift, one sentence for people."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec import structs
from scipy.special import stdtrit

from harness.cli import calibrate
from harness.cli.calibrate import command
from harness.foundation.errors import UsageError
from harness.history.comparison.gates import Gates
from harness.history.comparison.resolution import power, repeats_needed, resolved
from tests.fakes.measured import run, turns
from tests.history.past import past


@pytest.mark.parametrize(
    ("name", "part", "spread", "change", "repeats"),
    [
        ("p95", 0.55, 0.02, 0.1, 5),
        ("p95", 0.55, 0.03, 0.1, 8),
        ("p50", 0.6 / 5, 0.03, 0.1, 8),
        ("p50", 0.6 / 5, 0.05, 0.2, 6),
    ],
)
def test_power_is_what_simulated_runs_have(
    name: str, part: float, spread: float, change: float, repeats: int
) -> None:
    """Two means of so many runs, at the level that p95 has, and one of five other figures, beyond the gate."""
    random = np.random.default_rng(1)
    count = 4000
    a, b = (random.normal(mean, spread, (count, repeats)) for mean in (0.0, math.log1p(change)))
    pooled = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / repeats)
    found = b.mean(axis=1) - a.mean(axis=1)
    least = stdtrit(2 * repeats - 2, 1 - 0.05 * part / 2)
    hits = ((found / pooled > least) & (found > math.log1p(0.05))).mean()

    assert power(name, spread, math.log1p(change), math.log1p(0.05), repeats) == pytest.approx(hits, abs=0.06)


def test_more_noise_needs_more_repeats_and_a_change_within_its_gate_none() -> None:
    """Monotone; a change that does not matter is never called a regression."""
    needed = [
        repeats_needed("p95", spread, math.log1p(0.1), math.log1p(0.05))
        for spread in (0.01, 0.02, 0.04, 0.08)
    ]

    assert needed == sorted(needed, key=lambda n: n or 1000)
    assert needed[0] == 3
    assert repeats_needed("p95", 0.01, math.log1p(0.05), math.log1p(0.05)) is None
    assert repeats_needed("p95", 5.0, math.log1p(0.1), math.log1p(0.05)) is None


def test_a_drift_is_no_noise() -> None:
    """The spread is that about a line over time, as in a comparison by turns."""
    steady, drifting = (
        resolved(turns("A" * 12, noise=0.02, drift=drift)[0].runs, Gates()) for drift in (0.0, 0.3)
    )

    spreads = [next(one for one in found if one.name == "p50").spread for found in (steady, drifting)]
    assert spreads[1] == pytest.approx(spreads[0], rel=0.2)
    assert {one.name for one in steady} == {"throughput", "p50", "p95"}


def test_a_figure_of_few_runs_is_not_told() -> None:
    """Four at least."""
    assert resolved(turns("AAA")[0].runs, Gates()) == ()


def test_the_sentence_names_a_change_that_is_worth_its_repeats() -> None:
    """The smallest that ten repeats tell; of a noisy machine the smallest that any number does."""
    found = resolved(turns("A" * 8, noise=0.02)[0].runs, Gates())
    told = calibrate.text(found, 8)

    assert "A change of" in told
    assert "in p95 of steady needs" in told
    noisy = resolved(turns("A" * 8, noise=0.4)[0].runs, Gates())
    assert "A change of 50% in p95" in calibrate.text(noisy, 8) or "needs" not in calibrate.text(noisy, 8)
    assert "more than 100" in calibrate.text(noisy, 8)
    assert calibrate._sentence(()) == []


def test_the_command_reads_runs_that_were_made(tmp_path: Path) -> None:
    """A table or JSON; too few, or of two machines, are refused."""
    for day in range(1, 6):
        place = past(tmp_path, day, machine={"host": "there"} if day == 5 else {"host": "here"})
        (place / "scenario.yaml").write_text("load: []\n")
    runner = CliRunner()
    pattern = str(tmp_path / "night" / "2026010[1-4]*")
    shown = runner.invoke(command, ["--runs", pattern], standalone_mode=False)
    told = runner.invoke(command, ["--runs", pattern, "--json"], standalone_mode=False)
    mixed = runner.invoke(command, ["--runs", str(tmp_path / "night" / "*")])
    few = runner.invoke(command, ["--runs", str(tmp_path / "night" / "2026010[12]*")])

    assert (shown.return_value, told.return_value) == (0, 0)
    assert "From 4 runs" in shown.output
    assert len(json.loads(told.output)["runs"]) == 4
    for failed, why in ((mixed, "the machines differ"), (few, "2 of them count")):
        assert isinstance(failed.exception, UsageError)
        assert why in failed.exception.why


def test_runs_without_figures_by_ratio_end_unknown(tmp_path: Path) -> None:
    """Nothing to say is no pass."""
    bare = run(0.0)
    only = structs.replace(bare, values=tuple(one for one in bare.values if one.name == "success"))

    assert resolved([structs.replace(only, started_at_s=float(at)) for at in range(5)], Gates()) == ()
