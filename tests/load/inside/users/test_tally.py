"""Locust's statistics are the same in bulk as call by call, and other listeners hear of every call."""

from typing import Any

import locust.stats
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from locust.env import Environment

from harness.load.inside.users import tally
from harness.load.inside.users.tally import Tally

CALLS = st.lists(
    st.tuples(
        st.integers(0, 30),  # when, in seconds
        st.sampled_from([("http", "a"), ("http", "b"), ("websocket", "a")]),
        st.floats(0, 70_000),  # ms
        st.integers(0, 10**6),  # bytes
    ),
    max_size=30,
).map(lambda calls: sorted(calls, key=lambda call: call[0]))


@pytest.fixture
def environment() -> Any:
    environment = Environment(user_classes=[])
    environment.create_local_runner()
    yield environment
    environment.runner.quit()


def figures(stats: Any) -> Any:
    entries = {key: entry.serialize() for key, entry in [*stats.entries.items(), ("total", stats.total)]}
    for entry in entries.values():
        entry["total_response_time"] = pytest.approx(entry["total_response_time"])
        del entry["start_time"]
    return entries


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CALLS)
def test_the_statistics_are_those_that_locust_counts_call_by_call(environment: Any, calls: list[Any]) -> None:
    """Poured whenever a second ends, every figure but the start is the same."""
    environment.stats.clear_all()
    here, clock = Tally(environment), FrozenTime()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(locust.stats, "time", clock)
        patch.setattr(tally, "time", clock)
        expected = locust.stats.RequestStats()
        for at_s, (transport, name), ms, size in calls:
            if at_s != clock.now_s:
                here.pour()
                clock.now_s = at_s
            here.ok(transport, name, ms, size)
            expected.log_request(transport, name, ms, size)
        here.pour()
        here.pour()  # what was poured is not poured again

    assert figures(environment.stats) == figures(expected)


class FrozenTime:
    """What `time` is to the modules under test."""

    now_s = 0.0

    def time(self) -> float:
        return 1_000_000.0 + self.now_s


def test_another_listener_hears_of_every_call_as_it_happens(environment: Any) -> None:
    """And Locust's own statistics count it once."""
    here, heard = Tally(environment), []
    here.ok("http", "early", 1.0, 10)

    def listener(name: str, **_: Any) -> None:
        heard.append(name)

    environment.events.request.add_listener(listener)
    here.ok("http", "heard", 2.0, 20)
    environment.events.request.remove_listener(listener)
    here.ok("http", "late", 3.0, 30)
    here.pour()

    assert heard == ["heard"]
    assert {name: entry.num_requests for (name, _), entry in environment.stats.entries.items()} == {
        "early": 1, "heard": 1, "late": 1,
    }  # fmt: skip


def test_a_failure_reaches_locust_at_once(environment: Any) -> None:
    """With its text, for the list of failures."""
    Tally(environment).failed("http", "broken", 5.0, 0, "timeout: no answer in time")

    assert environment.stats.entries["broken", "http"].num_failures == 1
    assert "no answer in time" in str([error.error for error in environment.stats.errors.values()])


def test_a_server_with_ever_new_words_fills_no_memory(environment: Any) -> None:
    """Every failure is counted; only so many texts are kept, none of them long."""
    here = Tally(environment)
    for number in range(tally.TEXTS_MAX + 10):
        here.failed("http", "broken", 5.0, 0, f"tool_error: {number} {'x' * 1000}")
    here.failed("http", "broken", 5.0, 0, f"tool_error: 7 {'x' * 1000}")

    errors = environment.stats.errors.values()
    assert environment.stats.entries["broken", "http"].num_failures == tally.TEXTS_MAX + 11
    assert len(errors) == tally.TEXTS_MAX + 1
    assert max(len(str(error.error)) for error in errors) <= tally.TEXT_CHARS_MAX
    assert {str(error.error): error.occurrences for error in errors}["tool_error: (other)"] == 10
