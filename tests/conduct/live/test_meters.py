"""What Prometheus may scrape, against the rows it was counted from."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.conduct.live.last_second import LastSecond
from harness.conduct.live.live_json import LiveSnapshot
from harness.conduct.live.meters import BOUNDS_S, Meters
from harness.foundation.units import NS_PER_S
from harness.run_directory.samples import SCHEMA
from harness.run_directory.spool import Gauges
from tests.fakes.exposition import families
from tests.fakes.runs import rows

LIVE = LastSecond(65.0, 1.0, 30, 512, 3, 12.5, 40.0, "timeout")
calls = st.lists(
    st.tuples(
        st.sampled_from(["tools/call:a", "initialize"]),
        st.sampled_from(["LightUser", "HeavyUser"]),
        st.sampled_from(["ok", "timeout", "tool_error"]),
        st.sampled_from([0, 1, 499_999, 500_000, 500_001, 7_000_000, 250_000_000, 40_000_000_000]),
    ),
    max_size=30,
)


def table(found: list[tuple[str, str, str, int]]) -> pa.Table:
    """As a block of a spool is read."""
    frame = rows(
        len(found),
        operation=[one[0] for one in found],
        user_class=[one[1] for one in found],
        outcome=[one[2] for one in found],
        done_ns=[index * NS_PER_S + one[3] for index, one in enumerate(found)],
        bytes_in=7,
    )
    return pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False)


def gauges(at_s: float = 1.0, **more: Any) -> Gauges:
    known: dict[str, Any] = {
        "started": 0, "recorded": 0, "open_calls": 0, "oldest_open_ns": 0, "users": 0, "cpu": 0.5, "run_delay": 0.0
    }  # fmt: skip
    return Gauges(at_ns=int(at_s * NS_PER_S), **(known | more))


@settings(max_examples=40)
@given(st.lists(calls, max_size=4))
def test_every_call_is_counted_once(blocks: list[list[tuple[str, str, str, int]]]) -> None:
    """By what it was and how it ended; times are of ok calls, and a bound holds what is equal to it."""
    meters = Meters()
    for block in blocks:
        meters.add([table(block)], [])
    page = families(meters.page())

    every = [call for block in blocks for call in block]
    counted = page["harness_calls_total"].samples if every else {}
    assert sum(counted.values()) == len(every)
    for (operation, user_class, outcome), count in Counter(call[:3] for call in every).items():
        found = page["harness_calls_total"].value(operation=operation, user_class=user_class, outcome=outcome)
        assert found == count
    for operation in {call[0] for call in every}:
        times_s = [call[3] / NS_PER_S for call in every if call[0] == operation and call[2] == "ok"]
        for bound in BOUNDS_S if times_s else ():
            below = page["harness_response_seconds"].value("_bucket", operation=operation, le=str(bound))
            assert below == sum(time_s <= bound for time_s in times_s)
        received = page["harness_bytes_received_total"].value(operation=operation)
        assert received == 7 * sum(call[0] == operation for call in every)


def test_service_counts_from_the_send() -> None:
    """Response from when the call was due."""
    frame = rows(1, sent_ns=[NS_PER_S], done_ns=[3 * NS_PER_S])
    meters = Meters()
    meters.add([pa.Table.from_pandas(frame, schema=SCHEMA, preserve_index=False)], [])
    page = families(meters.page())

    assert page["harness_response_seconds"].value("_sum") == 3
    assert page["harness_service_seconds"].value("_sum") == 2


def test_what_is_not_known_yet_is_not_there() -> None:
    """Before the first second only the run has a name; a worker that was told nothing of waiting says nothing of it."""
    meters = Meters({"run_id": "r"})
    assert {*families(meters.page())} == {"harness_run_info"}

    meters.add([], [(0, gauges(run_delay=None))])
    page = families(meters.page())
    assert page["harness_worker_cpu_ratio"].value(worker="0") == 0.5
    assert not {"harness_worker_run_delay_ratio", "harness_worker_lag_seconds", "harness_arrivals_total"} & {
        *page
    }


def test_step_faults_and_objectives_are_of_the_newest_second() -> None:
    """A fault that is off is 0; an objective that nobody can judge is absent."""
    meters = Meters(faults=["slow", "deploy"])
    meters.add([], [(0, gauges(open_calls=3)), (1, gauges(open_calls=4))])
    meters.look(
        LiveSnapshot(LIVE, "steady step 7", "steady", ("slow",)), {"p95 < 1s": True, "p99 < 2s": False}
    )
    page = families(meters.page())

    assert page["harness_step_info"].labels("step") == {"steady"}
    assert {name: page["harness_fault_on"].value(fault=name) for name in ("slow", "deploy")} == {
        "slow": 1,
        "deploy": 0,
    }
    assert page["harness_objective_holds"].value(objective="p99 < 2s") == 0
    assert (page["harness_users"].value(), page["harness_calls_open"].value()) == (30, 7)

    meters.look(LiveSnapshot(LIVE, "resting", None, ()), {})
    page = families(meters.page())
    assert not {"harness_step_info", "harness_objective_holds"} & {*page}


def test_a_generator_that_was_saturated_is_so_for_ten_seconds() -> None:
    """By the limits of the report; what was due and what nobody took are counted on."""
    meters = Meters()
    for at_s, lag_ms in [(1, 0.1), (2, 50.0), (12, 0.1), (13, 0.1)]:
        meters.add([], [(0, gauges(at_s, lag_ms=[lag_ms], arrived=at_s * 100, not_sent=[5, 6]))])
        page = families(meters.page())
        assert page["harness_generator_saturated"].value() == (2 <= at_s <= 12)

    assert page["harness_worker_lag_seconds"].value(worker="0") == 0.0001
    assert page["harness_arrivals_total"].value() == 1300
    assert page["harness_arrivals_not_sent_total"].value() == 8


def test_rows_keep_their_names_whatever_block_they_came_in() -> None:
    """Codes of one worker's vocabulary are not another's."""
    meters = Meters()
    first, second = table([("a", "U", "ok", 1), ("b", "U", "ok", 1)]), table([("b", "U", "ok", 1)])
    meters.add([first, second, SCHEMA.empty_table()], [])

    page = families(meters.page())["harness_calls_total"]
    assert (page.value(operation="a"), page.value(operation="b")) == (1, 2)
    assert page.labels("outcome") == {"ok"}


def test_every_metric_is_documented_and_no_other() -> None:
    """docs/watching.md is what people write their dashboards by."""
    meters = Meters({"run_id": "r"}, ["slow"])
    said = gauges(lag_ms=[0.1], arrived=9, not_sent=[1])
    meters.add([table([("a", "U", "ok", 1)])], [(0, said)])
    meters.look(LiveSnapshot(LIVE, "steady", "steady", ()), {"p95 < 1s": True})
    page = (Path(__file__).parents[3] / "docs" / "watching.md").read_text(encoding="utf-8")

    assert {*re.findall(r"`(harness_\w+)`", page)} == {*families(meters.page())}
