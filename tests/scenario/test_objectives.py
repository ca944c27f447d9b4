"""The grammar of objectives: what it reads, what it refuses, and what it says then."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.foundation.errors import UsageError
from harness.scenario.catalogue import METRICS
from harness.scenario.objectives import COMPARE, Objective, check_names, parse, parse_abort

READ = [
    # text, metric, op, value, operation, scope, name
    ("p95 < 250ms", "p95", "<", 250.0, None, "", None),
    ("p95<250ms", "p95", "<", 250.0, None, "", None),  # spaces are free
    ("p99 < 1m 30s", "p99", "<", 90_000.0, None, "", None),  # a value may have spaces
    ("success_rate >= 99%", "success_rate", ">=", 0.99, None, "", None),
    (
        "throughput >= 300/s for tools/call:execute_query",
        "throughput",
        ">=",
        300.0,
        "tools/call:execute_query",
        "",
        None,
    ),
    ("p99 < 1s during slow-db", "p99", "<", 1000.0, None, "during", "slow-db"),
    ("recovery < 10s after deploy", "recovery", "<", 10.0, None, "after", "deploy"),  # in seconds
    ("missing == 0", "missing", "==", 0.0, None, "", None),
    ("max <= 2s in steady", "max", "<=", 2000.0, None, "in", "steady"),
    ("mean < 5ms overall", "mean", "<", 5.0, None, "overall", None),
    ("p50 < 9ms for health in steady", "p50", "<", 9.0, "health", "in", "steady"),
]


@pytest.mark.parametrize(("text", "metric", "op", "value", "operation", "scope", "name"), READ)
def test_objectives_are_read_with_their_unit(text, metric, op, value, operation, scope, name):
    """Each part of the grammar, in the unit of the metric."""
    assert parse(text) == Objective(text, metric, op, value, operation, scope, name)


REFUSED = [
    # text, what the error must say
    ("", "is not an objective"),
    ("fast please", "is not an objective"),
    ("p95 = 250ms", "is not an objective"),  # one equals sign is no comparison
    ("p95 < 250ms in", "cannot be compared"),
    ("p96 < 250ms", "Did you mean p9"),
    ("sucess_rate > 99%", "Did you mean success_rate?"),
    ("p95 < 250", "is not a duration"),  # of what?
    ("success_rate > 99ms", "is not a share"),
    ("throughput > 300", "is not a rate"),
    ("missing == none", "is not a whole number"),
    ("missing == 0 for health", "is not counted by operation"),
    ("lost == 0 in steady", "belongs to the whole run"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED)
def test_a_bad_objective_says_what_would_be_right(text, says):
    """Three lines of help, never a traceback."""
    with pytest.raises(UsageError) as error:
        parse(text)

    assert says in str(error.value)


@given(
    metric=st.sampled_from([name for name, metric in METRICS.items() if metric.unit == "ms"]),
    op=st.sampled_from(list(COMPARE)),
    value=st.integers(1, 10_000),
    spaces=st.lists(st.sampled_from(["", " ", "  "]), min_size=2, max_size=2),
)
def test_spaces_never_change_the_meaning(metric, op, value, spaces):
    """However it is spaced, it says the same; the source text is kept, with single spaces."""
    loose = parse(f"{metric}{spaces[0]}{op}{spaces[1]}{value}ms")

    assert (loose.metric, loose.op, loose.value) == (metric, op, float(value))
    assert parse(loose.text) == loose


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_help(text):
    """Nothing but a UsageError leaves the grammar."""
    with suppress(UsageError):
        assert parse(text).metric in METRICS


@pytest.mark.parametrize(
    ("op", "below", "equal", "above"),
    [("<", 1, 0, 0), ("<=", 1, 1, 0), (">", 0, 0, 1), (">=", 0, 1, 1), ("==", 0, 1, 0)],
)
def test_comparisons_hold_on_the_right_side(op, below, equal, above):
    """The edge belongs where the sign says."""
    objective = parse(f"p95 {op} 10ms")

    assert [objective.holds(value) for value in (9.0, 10.0, 11.0)] == [bool(below), bool(equal), bool(above)]


KNOWN = {"steps": ["climb", "steady"], "faults": ["slow-db"], "operations": ["health", "tools/call:echo"]}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("p95 < 1s in stedy", "there is no step 'stedy'\nThere are climb, steady\nDid you mean steady?"),
        ("p95 < 1s during slowdb", "there is no fault 'slowdb'\nThere are slow-db\nDid you mean slow-db?"),
        ("p95 < 1s after deploy", "there is no fault 'deploy'"),
        ("p95 < 1s for tools/call:ecko", "Did you mean tools/call:echo?"),
    ],
)
def test_names_that_do_not_exist_are_errors(text, says):
    """A typing error must not make an objective hold by looking at nothing."""
    with pytest.raises(UsageError) as error:
        check_names([parse(text)], **KNOWN)

    assert says in str(error.value)


def test_names_that_exist_pass_and_unknown_operations_are_left_alone():
    """Operations are checked only when they are known beforehand."""
    check_names([parse("p95 < 1s for health in steady"), parse("p95 < 1s during slow-db")], **KNOWN)
    check_names([parse("p95 < 1s for anything")], operations=None)

    with pytest.raises(UsageError, match="The scenario names no step"):
        check_names([parse("p95 < 1s in steady")])


def test_an_abort_rule_says_what_for_how_long():
    """The same words as an objective, and a time."""
    rule = parse_abort("success_rate<50%  for 1m30s")

    assert (rule.metric, rule.op, rule.value, rule.for_s) == ("success_rate", "<", 0.5, 90.0)
    assert (rule.text, rule.unit) == ("success_rate<50% for 1m30s", "share")
    assert rule.met_by(0.49)
    assert not rule.met_by(0.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("success_rate < 50%", "is not an abort rule"),
        ("recovery < 5s for 10s", "not measured every second"),
        ("sucess_rate < 50% for 10s", "not measured every second"),
        ("success_rate < 5s for 10s", "cannot be compared with"),
        ("success_rate < 50% for ever", "for how long?"),
        ("success_rate < 50% for 200ms", "once a second"),
    ],
)
def test_what_is_no_abort_rule_is_told_before_anything_starts(text, said):
    """What is wrong, and what would be right."""
    with pytest.raises(UsageError, match=said):
        parse_abort(text)
