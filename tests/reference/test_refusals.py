"""Refusals: what kind each is, and that a flood is counted exactly in few rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reference import refusals as module
from harness.reference.caller import Caller, acting
from harness.reference.refusals import OTHERS, Refusals, kind_of


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, -32700, "malformed"),
        (404, -32601, "unknown_method"),
        (None, -32601, "unknown_method"),
        (200, -32602, "invalid_params"),
        (400, -32602, "invalid_params"),
        (400, -32600, "invalid_request"),
        (400, -32020, "invalid_request"),
        (400, -32022, "invalid_request"),
        (400, None, "invalid_request"),
        (405, None, "invalid_request"),
        (401, -32001, "wrong_key"),
        (403, None, "forbidden"),
        (404, -32600, "no_session"),
        (404, None, "not_found"),
        (413, -32600, "too_large"),
        (413, None, "too_large"),
        (429, -32005, "rate_limited"),
        (503, -32006, "overloaded"),
        (503, -32603, "unavailable"),
    ],
)
def test_what_kind_of_refusal_it_is(status, code, kind):
    """By the code of JSON-RPC where it says enough, else by the status."""
    assert kind_of(status, code) == kind


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from([401, 413, 503])), max_size=200))
def test_the_sum_of_the_counts_is_the_number_of_refusals(come):
    """Whoever they are of: no row is there twice, and there are no more clients in one batch than allowed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CLIENTS_MAX", 5)
        refusals = Refusals(None)
        for address, status in come:
            with acting(Caller(address=str(address))):
                refusals.note("plain", "no", status=status)
        rows = [dict(zip(module.TABLE.columns, row, strict=True)) for row in refusals._gathered()]

    assert sum(row["count"] for row in rows) == len(come) == sum(refusals.counts.values())
    assert len({(row["client"], row["kind"]) for row in rows}) == len(rows)
    assert len({row["client"] for row in rows} - {OTHERS}) <= 5
    assert refusals._gathered() == []


def test_a_row_tells_of_the_first_of_its_second():
    """Its words, its session; the present caller's session when none is named."""
    refusals = Refusals(None)
    with acting(Caller(address="a", session="mine")):
        refusals.note("mcp", "first\0" + "x" * 1000, status=404, code=-32600, session="theirs")
        refusals.note("mcp", "second", status=404, code=-32600)
        refusals.note("mcp", "other", status=413)
    first, other = refusals._gathered()

    assert (first[2], first[3], first[4], first[-1]) == ("address:a", "theirs", "no_session", 2)
    assert first[7].startswith("firstxxx")
    assert len(first[7]) < 501
    assert (other[3], other[-1]) == ("mine", 1)
