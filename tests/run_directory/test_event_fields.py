"""The fields of events: every kind that is written has its entry, and what is wrong is said."""

from typing import Any

import pytest

from harness.run_directory import event_fields, events


def test_every_kind_of_event_has_its_fields() -> None:
    """A kind that is not listed would make every run that has one unknown."""
    assert set(events.KINDS) == set(event_fields.FIELDS)
    for name, kind in events.KINDS.items():
        assert event_fields.FIELDS[name].keys() <= set(kind.__struct_fields__), name


def test_every_kind_is_documented() -> None:
    """In the table at the head of the module."""
    assert [kind for kind in event_fields.FIELDS if f"| {kind} " not in str(events.__doc__)] == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"at_ns": 1, "event": "run_started"}, ""),
        ({"at_ns": 1, "event": "run_started", "more": [1]}, ""),
        ({"at_ns": 1}, "an event of a kind that is not known: 'None'"),
        ({"at_ns": 1, "event": "miracle"}, "an event of a kind that is not known: 'miracle'"),
        ({"event": "run_started"}, "an event run_started without a time"),
        ({"at_ns": True, "event": "run_started"}, "an event run_started without a time"),
        ({"at_ns": -1, "event": "run_started"}, "an event run_started without a time"),
        ({"at_ns": 2**63, "event": "run_started"}, "an event run_started without a time"),
        ({"at_ns": 1, "event": "run_ended"}, "an event run_ended whose reason is 'None'"),
        (
            {"at_ns": 1, "event": "target", "rss_mb": float("inf")},
            "an event target whose rss_mb is 'inf'",
        ),
        ({"at_ns": 1, "event": "target", "rss_mb": None}, ""),
        (
            {"at_ns": 1, "event": "generator", "worker": 0, "cpu": -0.1},
            "an event generator whose cpu is '-0.1'",
        ),
        (
            {"at_ns": 1, "event": "generator", "worker": 0, "lag_ms": [1, "x"]},
            "an event generator whose lag_ms is \"[1, 'x']\"",
        ),
        ({"at_ns": 1, "event": "generator", "worker": 0, "not_sent": [[100, 3]]}, ""),
        (
            {"at_ns": 1, "event": "fault_healed", "name": "slow", "healed": 1},
            "an event fault_healed whose healed is '1'",
        ),
    ],
)
def test_what_is_wrong_with_an_event_is_said(data: dict[str, Any], why: str) -> None:
    """The first field that is not as it must be; fields that are not listed may say anything."""
    assert event_fields.wrong(data) == why
