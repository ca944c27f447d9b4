"""The sentences of a report."""

import pytest

from harness.report import wording
from harness.run_directory.results import Summary
from tests.fakes.results import filled

P95 = "p95 < 250ms does not hold: it was 300 ms"


def summary(verdict, reasons=(), outcomes=()):
    return filled(
        Summary, verdict=verdict, reasons=reasons, objectives=[{"outcome": one} for one in outcomes]
    )


@pytest.mark.parametrize(
    ("found", "sentence", "more"),
    [
        (summary("pass"), "No objective was set, and the measurement can be trusted.", []),
        (summary("pass", outcomes=["pass"]), "The objective holds.", []),
        (summary("pass", outcomes=["pass"] * 3), "All 3 objectives hold.", []),
        (summary("fail", [P95], ["fail", "pass"]), f"{P95}.", []),
        (summary("fail", ["a", "b"], ["fail", "fail", "pass"]), "2 of 3 objectives do not hold.", ["a", "b"]),
        (summary("fail", ["none of 5 calls succeeded"]), "None of 5 calls succeeded.", []),
        (summary("unknown", ["the run was interrupted", P95], ["fail"]), "The run was interrupted.", [P95]),
    ],
)
def test_the_verdict_in_one_sentence(found, sentence, more):
    """What matters most comes first, the rest below; an objective is quoted as it was written."""
    assert wording.verdict(found) == (sentence, more)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-09T07:05:00Z", "9 January 2026, 07:05 UTC"),
        ("2026-01-09T07:05:00+02:00", "9 January 2026, 05:05 UTC"),
        ("yesterday", "yesterday"),
        (None, ""),
    ],
)
def test_moments_are_written_for_people(text, shown):
    """In UTC, whatever zone they came in."""
    assert wording.moment(filled(Summary, started_at=text)) == shown


def test_outcomes_are_ok_first_then_the_most_frequent():
    """Details are added up; calls that are neither are named as left out, arrivals as not sent."""
    found = filled(
        Summary,
        totals={"ok": 5, "neither": 2, "not_sent": 7},
        failures=[
            {"outcome": "timeout", "count": 1},
            {"outcome": "reset", "count": 2},
            {"outcome": "timeout", "count": 3},
        ],
    )

    assert wording.outcomes(found) == [
        ("ok", 5),
        ("timeout", 4),
        ("reset", 2),
        ("left out", 2),
        ("not sent", 7),
    ]
