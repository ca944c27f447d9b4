"""summary.json: every key of the contract, the totals without the warm-up, a break however it was found."""

import pytest

from harness.analysis import summary
from harness.analysis.calls.calls import Calls
from harness.analysis.health.lost_calls import numbering
from harness.analysis.summary import Recorded
from harness.run_directory.results import codec
from tests.fakes.events import event as happened
from tests.fakes.runs import Run, ramp

LATENCY = ["mean", "p50", "p90", "p95", "p99", "p999", "max"]
KEYS = {
    "": "schema run_id run_dir scenario command started_at duration_s seed timeout_s target totals latency_ms "
    "operations failures steps breaking_point capacity capacity_reason knee faults matrix sessions work retries generator objectives "
    "verdict reasons exit_code intervals",
    "target": "url transport protocol server cpu_max rss_max_mb",
    "totals": "requests calls ok failed neither rate_limited not_sent success_rate throughput_rps offered_rps bytes_in "
    "bytes_out",
    "latency_ms": "response service",
    "operations": "operation user_class requests ok failed success_rate throughput_rps latency_ms",
    "failures": "outcome detail count first_s last_s",
    "steps": "index kind users rate start_s end_s requests ok failed not_sent success_rate throughput_rps "
    "offered_rps latency_ms warming_up_s",
    "breaking_point": "users last_good_users reason confirmed",
    "capacity": "model peak_users peak_rps interval",
    "sessions": "opened lost reopened survived_restart",
    "generator": "workers cpu_max run_delay_max lag_ms_p99 added_ms clock_error_ms saturated started recorded lost lost_at_least "
    "not_held strangers_refused",
}


def recorded(run, **changes):
    """A built run as values, without a directory."""
    events = [
        happened(one["at_ns"], one["event"], {k: v for k, v in one.items() if k not in {"at_ns", "event"}})
        for one in run.events
    ]
    frame = run.frame()
    values = {
        "run_dir": "x",
        "metadata": run._metadata(),
        "plan": {"steps": run.plan_steps},
        "events": events,
    }
    return Recorded(
        **(
            values
            | {"calls": Calls.of(frame), "load": Calls.of(frame).of_load(), "numbering": numbering(frame)}
            | changes
        )
    )


def assembled(run, **changes):
    found = recorded(run, **changes)
    return codec.as_object(summary.assemble(found, summary.timeline(found)))


@pytest.mark.parametrize("part", KEYS)
def test_every_key_of_the_contract_is_there_and_no_other(part):
    """In the order of the contract, for readers in other languages."""
    found = assembled(ramp())
    value = found[part] if part else found

    assert list(value[0] if isinstance(value, tuple) else value) == KEYS[part].split()


def test_latency_tables_have_the_same_keys_everywhere():
    """For the whole run, a step, an operation."""
    found = assembled(ramp())

    for table in (found["latency_ms"], found["steps"][0]["latency_ms"], found["operations"][0]["latency_ms"]):
        assert list(table) == ["response", "service"]
        assert list(table["response"]) == list(table["service"]) == LATENCY


def test_a_run_that_knew_nothing_has_nulls_and_no_crash():
    """No metadata, no plan, no event, no call."""
    found = assembled(Run(), metadata={}, plan={})

    assert list(found) == KEYS[""].split()
    assert found["target"] == dict.fromkeys(KEYS["target"].split())
    assert (found["totals"]["requests"], found["totals"]["success_rate"]) == (0, None)
    assert (found["steps"], found["breaking_point"], found["capacity"]) == ((), None, None)
    assert (found["duration_s"], found["work"], found["faults"]) == (0.0, None, ())


def test_the_totals_add_up():
    """Whatever is broken down, it is the same calls."""
    found = assembled(ramp())
    totals = found["totals"]

    assert totals["calls"] == totals["ok"] + totals["failed"] + totals["neither"] == 41_150
    assert sum(row["requests"] for row in found["operations"]) == totals["requests"]
    assert sum(row["count"] for row in found["failures"]) == totals["failed"] == 910
    assert totals["bytes_in"] == 400 * totals["requests"]


def test_the_warm_up_is_left_out_of_the_totals_but_not_of_the_steps():
    """10 s at 100/s, of which the first 4 s warm up."""
    run = Run(metadata={"warmup_s": 4.0})
    run.level(5, seconds=10, rps=100)
    run.end()

    found = assembled(run)

    assert found["totals"]["requests"] == 600
    assert found["steps"][0]["requests"] == 1000
    assert found["duration_s"] == 10.5


def test_the_breaking_point_is_found_again_from_the_samples():
    """The ramp breaks at 40 users, twice; 35 was good."""
    assert assembled(ramp())["breaking_point"] == {
        "users": 40,
        "last_good_users": 35,
        "reason": "success rate 90% is below 95%",
        "confirmed": True,
    }


def test_a_break_that_only_the_conductor_saw_is_taken_from_its_event():
    """Every call succeeded, and still the conductor stopped."""
    told = {"users": 10, "last_good_users": 5, "reason": "p95 gave way", "confirmed": True}
    run = Run()
    run.level(5)
    run.level(10)
    run.event(run.at_s, "break", **told)

    assert assembled(run)["breaking_point"] == told


def test_a_sustained_level_has_no_breaking_point_however_bad():
    """There is no limit that it was to reach."""
    run = Run()
    run.level(5, failing=0.5, kind="sustain", phase="steady")

    assert assembled(run)["breaking_point"] is None


def test_a_level_that_was_cut_off_does_not_break():
    """What was seen of it is not the whole level."""
    run = Run()
    run.level(5)
    run.level(10, failing=0.5, cut_off=True)

    found = assembled(run)

    assert [step["users"] for step in found["steps"]] == [5, 10]
    assert found["breaking_point"] is None
