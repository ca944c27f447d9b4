"""Two sides compared: the word of each figure, the verdict, its exit code, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from scipy import stats

from harness.history.comparison import together
from harness.history.comparison.comparing import Rules, Side, compare
from harness.history.comparison.comparison import Compared, Comparison
from harness.history.comparison.design import design
from harness.history.comparison.fitting import Fit, fit
from harness.history.comparison.gates import Gates, parsed, size
from harness.history.comparison.judging import Figure, holm, judged, more_repeats
from harness.history.comparison.measured import MeasuredRun
from tests.fakes.measured import KIND, run, turns


def slowed(one: MeasuredRun, factor: float) -> MeasuredRun:
    """The run with other latencies."""
    values = (structs.replace(v, value=v.value * factor) if v.unit == "ms" else v for v in one.values)
    return structs.replace(one, values=tuple(values))


def figure(found: Comparison, name: str) -> Compared:
    return next(one for one in found.figures if one.name == name)


@pytest.mark.parametrize(
    ("slower", "word", "code"),
    [(1.0, "equivalent", 0), (1.15, "regressed", 1), (1 / 1.15, "improved", 0)],
)
def test_five_repeats_by_turns_get_their_word(slower: float, word: str, code: int) -> None:
    """With a spread of 1 % between runs; the worse figures are named."""
    found = compare(*turns("ABBAABBAAB", slower=slower))

    assert (found.verdict, found.exit_code, found.order) == (word, code, "together")
    assert figure(found, "p95").word == word
    if word == "regressed":
        assert "steady: p95" in found.why
        low, high = figure(found, "p95").interval or (0, 0)
        assert low < 0.15 < high


def test_throughput_is_worse_when_it_is_lower() -> None:
    """And latency when it is higher: the same factor is two regressions."""
    found = compare(*turns("ABBAABBAAB", slower=1.15))

    assert figure(found, "throughput").word == figure(found, "p50").word == "regressed"
    assert (figure(found, "throughput").change or 0) < 0 < (figure(found, "p50").change or 0)


@pytest.mark.parametrize("order", ["ABBAABBAAB", "AAAAABBBBB"])
def test_a_drift_of_the_machine_is_no_regression(order: str) -> None:
    """Of a fifth in twelve minutes: by turns it falls on both sides alike, in turn it is taken off, as a line."""
    sides = turns(order, drift=0.2)
    p50 = [np.mean([v.value for run in side.runs for v in run.values if v.name == "p50"]) for side in sides]

    assert compare(*sides).verdict != "regressed"
    assert (p50[1] / p50[0] > 1.06) == (order == "AAAAABBBBB")


def test_runs_in_turn_that_cannot_tell_are_to_be_made_by_turns() -> None:
    """That is what helps them most."""
    found = compare(*turns("AAAAABBBBB", noise=0.03))

    assert (found.order, found.verdict) == ("in turn", "inconclusive")
    assert "run them by turns" in found.why[-1]


def test_another_day_is_no_regression() -> None:
    """Five runs today and five yesterday are one sitting each; somebody may vouch for them."""
    sides = turns("AAAAA|BBBBB", slower=1.15)

    assert compare(*sides).verdict == "inconclusive"
    assert "another day and another build look the same" in compare(*sides).why[0]
    assert compare(*sides, Rules(vouched=True)).verdict == "regressed"


def test_nights_are_the_unit_where_no_night_holds_both_sides() -> None:
    """Ten nights of the baseline and one night of the new build: the nights' own spread decides."""
    sides = turns("|".join(["AAA"] * 10) + "|BBB", slower=1.15)
    found = compare(*sides)

    assert (found.order, found.verdict) == ("apart", "regressed")
    assert compare(*turns("|".join(["AAA"] * 10) + "|BBB")).verdict in {"equivalent", "inconclusive"}


def test_one_run_a_side_describes_and_says_so() -> None:
    """No p, no interval; exit 3 where a verdict was asked for, else 0."""
    sides = turns("AB", slower=1.5)
    found = compare(*sides)

    assert (found.verdict, found.exit_code) == ("inconclusive", 3)
    assert "one run a side can only describe" in found.why[0]
    assert figure(found, "p95").interval is None
    assert figure(found, "p95").change == pytest.approx(0.5, abs=0.1)
    assert compare(*sides, Rules(describes=True)).exit_code == 0


def test_two_repeats_decide_nothing_and_say_how_many_more_would() -> None:
    """A number, not a shrug."""
    found = compare(*turns("ABBA", noise=0.03, seed=3))

    assert found.verdict == "inconclusive"
    assert "more repeats a side would decide" in found.why[1]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"machine": "other"}, "the machines differ"),
        ({"scenario": "other"}, "the scenarios differ"),
        ({"target": "giant"}, "the servers give different names (tiny, giant)"),
        ({"protocol": "sse"}, "the protocols differ (2025-11-25, sse)"),
        ({"machine": ""}, "the machine of 5 of the runs is unknown"),
    ],
)
def test_what_is_not_alike_is_refused_with_the_reason(what: dict[str, str], said: str) -> None:
    """Exit 3; forced, it is described, without a word of judgement."""
    a, b = turns("ABBAABBAAB", slower=1.5)
    b = structs.replace(
        b, runs=tuple(structs.replace(one, kind=structs.replace(KIND, **what)) for one in b.runs)
    )
    found, forced = compare(a, b), compare(a, b, Rules(forced=True))

    assert (found.verdict, found.exit_code, found.figures) == ("not_comparable", 3, ())
    assert found.why[0] == said
    assert (forced.verdict, forced.exit_code) == ("not_comparable", 0)
    assert {one.word for one in forced.figures} == {"inconclusive"}
    assert compare(a, b, Rules(may_differ=frozenset(what))).verdict == "regressed"


def test_a_side_that_mixes_machines_is_named() -> None:
    """Which side it is."""
    a, b = turns("ABBA")
    odd = structs.replace(b.runs[0], kind=structs.replace(KIND, machine="other"))
    found = compare(a, structs.replace(b, runs=(odd, *b.runs[1:])))

    assert found.why == ("the machines differ, even among the runs of B",)


def test_runs_that_do_not_count_are_left_out_and_named() -> None:
    """Unknown ones, and those that somebody excluded; a side of nothing else is not comparable."""
    a, b = turns("ABBAABBAAB", slower=1.15)
    more = (run(5, {"p95": 900.0}, verdict="unknown"), run(6, {"p95": 900.0}, excluded="a backup ran"))
    found = compare(structs.replace(a, runs=(*a.runs, *more)), b)

    assert found.verdict == "regressed"
    assert found.a.left_out == ("run-5: it cannot be trusted (unknown)", "run-6: excluded: a backup ran")
    only = compare(structs.replace(a, runs=more), b)
    assert (only.verdict, only.why) == ("not_comparable", ("A has no run that counts",))


def test_new_kinds_of_errors_are_always_said() -> None:
    """Whatever the verdict, also when they are few; those that A had are not new."""
    a, b = (
        Side(label="a", runs=(run(0, errors=["reset"]), run(200))),
        Side(label="b", runs=(run(100, errors=["reset", "tool_error"]), run(300, errors=["tool_error"]))),
    )
    found = compare(a, b, Rules(describes=True))

    assert [(one.outcome, one.count) for one in found.errors_new] == [("tool_error", 6)]


def test_five_runs_without_a_failure_do_not_prove_that_none_fails() -> None:
    """The number of calls is a floor of the doubt: 100 % beside 100 % has an interval."""
    found = figure(compare(*turns("ABBAABBAAB")), "success")

    assert found.word == "equivalent"
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]


def test_a_drop_of_success_is_a_regression_in_points() -> None:
    """One point is beyond half a point."""
    a, b = turns("ABBAABBAAB")
    b = structs.replace(
        b,
        runs=tuple(
            structs.replace(
                one,
                values=tuple(
                    structs.replace(v, value=0.99) if v.name == "success" else v for v in one.values
                ),
            )
            for one in b.runs
        ),
    )
    found = compare(a, b)

    assert found.why == ("steady: success",)
    assert figure(found, "success").change == pytest.approx(-0.01)
    assert figure(found, "success").ratio is False


def failing(side: Side) -> Side:
    """The side with servers that are down: what of a run is left when no call succeeds."""
    left = (
        tuple(structs.replace(v, value=0.0) for v in one.values if v.name in {"success", "throughput"})
        for one in side.runs
    )
    runs = tuple(structs.replace(one, values=v) for one, v in zip(side.runs, left, strict=True))
    return structs.replace(side, runs=runs)


def test_two_sides_without_a_successful_call_are_not_equivalent() -> None:
    """Nothing was compared; one that works beside one that does not was."""
    a, b = turns("ABBAABBAAB")
    found = compare(failing(a), failing(b))

    assert (found.verdict, found.exit_code) == ("not_comparable", 3)
    assert found.why == ("no call succeeded on either side",)
    assert (compare(a, failing(b)).verdict, compare(a, failing(b)).exit_code) == ("regressed", 1)


def test_a_figure_that_only_some_runs_have_is_compared_by_those() -> None:
    """A percentile of too few calls is missing in one run."""
    a, b = turns("ABBAABBAAB", slower=1.15)
    short = structs.replace(a.runs[0], values=tuple(v for v in a.runs[0].values if v.name != "p95"))
    found = compare(structs.replace(a, runs=(short, *a.runs[1:])), b)

    assert figure(found, "p95").word == "regressed"


def test_a_figure_of_one_side_only_and_a_throughput_of_nothing_are_not_compared() -> None:
    """Neither has a ratio."""
    a, b = turns("ABBAABBAAB")
    dead = structs.replace(
        b.runs[0],
        values=tuple(
            structs.replace(v, value=0.0) if v.name == "throughput" else v
            for v in b.runs[0].values
            if v.name != "p50"
        ),
    )
    found = compare(a, Side(label="b", runs=(dead,)))

    assert [one.name for one in found.figures] == ["success", "p95"]


def test_the_fit_of_runs_by_turns_is_least_squares() -> None:
    """Against scipy: without a line over time, the change is the difference of means of Student's t."""
    random = np.random.default_rng(3)
    a, b = turns("ABBAABBAAB")
    runs = [structs.replace(one, started_at_s=0.0) for one in (*a.runs, *b.runs)]
    order = design(runs[:5], runs[5:])
    values = random.normal(3, 1, 10)
    found = fit(order, values, np.zeros(10))
    known = stats.ttest_ind(values[5:], values[:5])

    assert (found.change, found.freedom) == (pytest.approx(values[5:].mean() - values[:5].mean()), 8)
    assert found.change / found.error == pytest.approx(known.statistic)


def test_vouched_runs_are_welch() -> None:
    """Against scipy, with other spreads and other numbers."""
    random = np.random.default_rng(4)
    a, b = turns("AAAAAABBBB")
    order = design(a.runs, b.runs, vouched=True)
    values = np.concatenate([random.normal(3, 1, 6), random.normal(5, 4, 4)])
    found = fit(order, values, np.zeros(10))
    known = stats.ttest_ind(values[6:], values[:6], equal_var=False)

    assert found.change / found.error == pytest.approx(known.statistic)
    assert found.freedom == pytest.approx(known.df)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_as_defined(chances: list[float]) -> None:
    """Never below p, never above Bonferroni, in the order of p; the smallest is Bonferroni's."""
    found = holm(np.array(chances))
    order = np.argsort(chances, kind="stable")

    assert all(a <= b + 1e-12 for a, b in zip(chances, found, strict=True))
    assert all(found <= np.minimum(1, np.array(chances) * len(chances)) + 1e-12)
    assert list(found[order]) == sorted(found)
    assert found.min() == pytest.approx(min(1, min(chances) * len(chances)))


def test_a_run_that_something_disturbed_hides_no_change_and_is_named() -> None:
    """One of ten is 40 % slower: B's tenth is seen all the same, but nothing is called equivalent over it."""
    a, b = turns("ABBAABBAAB", slower=1.1)
    odd = slowed(a.runs[2], 1.4)
    found = compare(structs.replace(a, runs=(*a.runs[:2], odd, *a.runs[3:])), b)
    same_a, same_b = turns("ABBAABBAAB")
    same = compare(
        structs.replace(same_a, runs=(*same_a.runs[:2], slowed(same_a.runs[2], 1.4), *same_a.runs[3:])),
        same_b,
    )

    assert (found.verdict, figure(found, "p95").word) == ("regressed", "regressed")
    assert [note for note in found.notes if note.startswith(f"{odd.run_id} of A is far slower")]
    assert same.verdict == "inconclusive"
    assert figure(same, "p95").word == "inconclusive"


def test_a_run_that_is_quicker_and_one_of_few_are_no_disturbance() -> None:
    """Nothing makes a run quicker for a while; of three a side nobody can tell."""
    a, b = turns("ABBAABBAAB")
    quick = structs.replace(a, runs=(slowed(a.runs[0], 0.6), *a.runs[1:]))
    few_a, few_b = turns("ABBAAB")
    few = structs.replace(few_a, runs=(slowed(few_a.runs[0], 1.5), *few_a.runs[1:]))

    assert not compare(quick, b).notes
    assert not compare(few, few_b).notes


@pytest.mark.parametrize("same", [True, False])
def test_figures_that_rise_and_fall_together_cost_each_other_nothing(same: bool) -> None:
    """Six copies of a figure are one: Student's p. Six independent ones are six: Holm's first step."""
    random = np.random.default_rng(8)
    one = random.standard_normal((8, 1)) + np.array([[3.0], *[[0.0]] * 7])
    spaces = np.repeat(one, 6, axis=1) if same else np.c_[one, random.standard_normal((8, 5))]
    t = abs(one[0, 0]) / math.sqrt(float((one[1:] ** 2).sum()) / 7)
    alone = 2 * float(stats.t.sf(t, 7))

    assert together.chances(spaces)[0] == pytest.approx(alone if same else 1 - (1 - alone) ** 6, rel=0.15)


def test_few_runs_of_many_figures_and_many_runs_of_few_are_turned_alike() -> None:
    """Of a large space only the part where its figures lie is drawn."""
    random = np.random.default_rng(9)
    spaces = random.standard_normal((200, 2))
    spaces[0] *= 2.5
    t = np.abs(spaces[0]) / np.sqrt((spaces[1:] ** 2).sum(axis=0) / 199)

    assert together.chances(spaces).min() == pytest.approx(
        1 - (1 - 2 * stats.t.sf(t.max(), 199)) ** 2, abs=0.01
    )
    assert together.chances(np.zeros((8, 3))).tolist() == [1.0, 1.0, 1.0]


def test_operations_cost_the_leading_figures_no_power() -> None:
    """Their part of the level is theirs, however many operations there are."""
    one = Figure("steady", "p95", "ms", leading=True, fit=Fit(0.1, 0.02, 8, 3.6, 3.7, (5, 5)))
    rest = [
        Figure(f"op {n}", "p95", "ms", leading=False, fit=Fit(0.0, 0.02, 8, 3.6, 3.6, (5, 5)))
        for n in range(60)
    ]
    alone, among = judged([one], Gates())[0], judged([one, *rest], Gates())[0]

    assert among.word == "regressed"
    assert among.p == alone.p
    assert judged([one, *rest], Gates(), in_turn=True)[0].p == pytest.approx((alone.p or 0) * 2)


def _figure(name: str, change: float) -> Figure:
    return Figure("steady", name, "ms", leading=True, fit=Fit(change, 0.02, 8, 3.6, 3.6 + change, (5, 5)))


def test_what_p95_has_of_the_level_is_passed_on_when_it_is_called() -> None:
    """The other figures of a step wait for p95: called, they have its part, too; else five in a hundred of the level."""
    p50 = _figure("p50", 0.08)
    chance = 2 * float(stats.t.sf(0.08 / 0.02, 8))
    called, not_called = (judged([_figure("p95", change), p50], Gates()) for change in (0.1, 0.0))

    assert [one.word for one in called] == ["regressed", "regressed"]
    assert called[1].p == pytest.approx(chance / 0.6)
    assert not_called[1].p == pytest.approx(chance / 0.05)
    assert judged([p50], Gates())[0].p == pytest.approx(chance / 0.6)


def test_a_change_of_p95_within_its_gate_passes_nothing_on() -> None:
    """It is surely there, and does not matter: nothing is called for it."""
    surely = Figure("steady", "p95", "ms", leading=True, fit=Fit(0.04, 0.002, 8, 3.6, 3.64, (5, 5)))
    p50 = _figure("p50", 0.08)

    assert judged([surely, p50], Gates())[1].p == pytest.approx(2 * float(stats.t.sf(4, 8)) / 0.05)


def test_more_repeats_tell_nine_times_of_ten() -> None:
    """For a change inside its gate TOST, for one beyond it Student's t, in simulated comparisons; on the gate no number does."""
    gate, level = math.log(1.05), 0.01
    random = np.random.default_rng(5)
    for change, spread in ((0.0, 0.03), (0.1, 0.05)):
        error = spread * math.sqrt(2 / 5)
        more = more_repeats(Fit(change, error, 8, 3.6, 3.6, (5, 5)), gate, level)
        assert more is not None
        n = 5 + more
        a, b = random.normal(0, spread, (4000, n)), random.normal(change, spread, (4000, n))
        seen, errors = b.mean(1) - a.mean(1), np.sqrt((a.var(1, ddof=1) + b.var(1, ddof=1)) / n)
        surely = np.abs(seen) + errors * stats.t.ppf(0.95, 2 * n - 2) < gate
        large = (np.abs(seen) > errors * stats.t.ppf(1 - level / 2, 2 * n - 2)) & (np.abs(seen) > gate)
        assert 0.88 < (large if change else surely).mean() < 0.97
    assert more_repeats(Fit(gate, error, 8, 3.6, 3.6, (5, 5)), gate, level) is None


@pytest.mark.parametrize(
    ("option", "text", "name", "unit", "level", "found"),
    [
        ("latency", "5%", "p95", "ms", 100.0, math.log(1.05)),
        ("latency", "5%,2ms", "p95", "ms", 10.0, math.log(1.2)),
        ("latency", "1ms", "p95", "ms", 10.0, math.log(1.1)),
        ("throughput", "3%", "throughput", "per_s", 10.0, math.log(1.03)),
        ("success", "0.5%", "success", "share", 1.0, 0.005),
    ],
)
def test_gates_are_read_and_are_on_the_scale_of_their_figure(
    option: str, text: str, name: str, unit: str, level: float, found: float
) -> None:
    """A ratio's on logarithms, the larger of both parts; a share's in points."""
    gates = structs.replace(Gates(), **{option: parsed(option, text, getattr(Gates(), option))})

    assert size(gates, name, unit, level) == pytest.approx(found)


def test_a_gate_that_cannot_be_read_is_a_usage_error() -> None:
    """Three lines."""
    from harness.foundation.errors import UsageError

    with pytest.raises(UsageError) as caught:
        parsed("latency", "wide", Gates().latency)
    assert len(caught.value.lines()) == 3
