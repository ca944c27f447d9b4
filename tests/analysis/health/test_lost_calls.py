"""Calls without a row: how many, and whether that is all of them."""

from dataclasses import asdict

import pytest

from harness.analysis.health.lost_calls import Numbering, measure, numbering
from tests.fakes.events import event as happened
from tests.fakes.runs import rows


def report(worker, started, **more):
    return happened(1, "generator", {"worker": worker, "started": started, **more})


def test_the_numbers_of_the_rows_tell_which_are_missing():
    """Worker 0 lost its number 1; worker 1 has all of its three."""
    frame = rows(5, seq=[0, 2, 0, 1, 2], worker=[0, 0, 1, 1, 1])

    assert numbering(frame) == Numbering({0: 2, 1: 3}, {0: 3, 1: 3}, None)
    assert numbering(rows(0), {0: 0}) == Numbering({}, {}, {0: 0})


LOSS = [
    # rows, numbered, counters, last reports -> started, lost, at least
    # runs of versions without counters: what is lost is the least that is known
    ({0: 10}, {0: 10}, None, {0: 10}, 10, 0, False),
    ({0: 10}, {0: 12}, None, {0: 10}, 12, 2, True),  # a hole in the numbers
    ({0: 10}, {0: 10}, None, {0: 13}, 13, 3, True),  # the last report says more
    ({0: 10}, {0: 10}, None, {0: 7}, 10, 0, False),  # the last report came before the last rows
    ({0: 10, 1: 10}, {0: 10, 1: 10}, None, {0: 4, 1: 16}, 26, 6, True),  # rows of one don't hide those of another
    # the counter outlives the worker
    ({0: 299}, {0: 299}, {0: 301}, {0: 290}, 301, 2, False),
    ({0: 285}, {0: 286}, {0: 301}, {0: 286}, 301, 16, False),
    ({0: 10}, {0: 10}, {0: 10}, {0: 10}, 10, 0, False),
    ({}, {}, {0: 3}, {}, 3, 3, False),  # killed before its first block
    ({0: 10, 1: 10}, {0: 10, 1: 10}, {0: 10}, {0: 10, 1: 12}, 22, 2, True),  # worker 1 is elsewhere, and gone
    ({0: 10, 1: 10}, {0: 10, 1: 10}, {0: 10}, {0: 10, 1: 10}, 20, 0, True),
]  # fmt: skip


@pytest.mark.parametrize(("there", "numbered", "counted", "said", "started", "lost", "at_least"), LOSS)
def test_lost_is_what_was_started_and_has_no_row(there, numbered, counted, said, started, lost, at_least):
    """Worker by worker, the source that knows of most; and it is said where more is possible."""
    events = [report(worker, count) for worker, count in said.items()]

    assert asdict(measure(events, Numbering(there, numbered, counted))) == {
        "started": started,
        "recorded": sum(there.values()),
        "lost": lost,
        "lost_at_least": at_least,
    }


def test_a_worker_elsewhere_that_has_ended_in_good_order_has_said_all_of_its_calls():
    """Its last report is its last word."""
    events = [report(0, 4), report(1, 7), report(1, 12, last=True)]
    found = measure(events, Numbering({0: 4, 1: 12}, {0: 4, 1: 12}, {0: 4}))

    assert (found.lost, found.lost_at_least) == (0, False)
