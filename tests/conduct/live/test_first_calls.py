"""When the first calls of a load all fail, the run ends with the most common failure."""

import pyarrow as pa
import pytest

from harness.conduct.live.first_calls import ENOUGH, FirstCalls

FAILS, WORKS, OPENS = (
    ("tools/call:buy", "tool_error", "no money"),
    ("tools/call:buy", "ok", ""),
    ("initialize", "ok", ""),
)
OTHER = ("tools/call:buy", "timeout", "")


def rows(*calls: tuple[str, str, str]) -> pa.Table:
    names = ("operation", "outcome", "detail")
    return pa.table(
        {
            name: pa.array(text).dictionary_encode()
            for name, text in zip(names, zip(*calls, strict=True), strict=True)
        }
    )


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([FAILS] * ENOUGH, "tool_error: no money"),
        ([FAILS] * (ENOUGH - 1), ""),
        ([OPENS] * 50 + [FAILS] * ENOUGH, "tool_error: no money"),  # a handshake is no call of the load
        ([*[FAILS] * 10, WORKS, *[FAILS] * 50], ""),
        ([*[FAILS] * 8, *[OTHER] * 12], "timeout"),
    ],
)
def test_only_a_load_in_which_nothing_works_is_told(calls, told):
    assert FirstCalls().look([rows(*calls)], fault_on=False) == told


def test_failures_add_up_from_look_to_look_until_the_first_success():
    watch = FirstCalls()
    assert watch.look([rows(*[FAILS] * 15)], fault_on=False) == ""
    assert watch.look([rows(*[FAILS] * 15)], fault_on=False) == "tool_error: no money"

    watch = FirstCalls()
    watch.look([rows(FAILS, WORKS)], fault_on=False)
    assert watch.look([rows(*[FAILS] * 500)], fault_on=False) == ""


def test_a_fault_may_make_calls_fail():
    watch = FirstCalls()
    assert watch.look([rows(*[FAILS] * 100)], fault_on=True) == ""
    assert watch.look([rows(*[FAILS] * 100)], fault_on=False) == ""
