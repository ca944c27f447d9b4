"""Events of which a test says only what matters to it."""

from collections.abc import Mapping
from typing import Any

from harness.run_directory import events
from harness.run_directory.event_kinds import Event as Happened


def event(at_ns: int, kind: str, data: Mapping[str, Any] | None = None) -> Happened:
    """Of this kind, by the name that it has in the file; what is not said is null."""
    data = data or {}
    known = events.made({"at_ns": at_ns, "event": kind}).__struct_fields__
    assert data.keys() <= set(known), f"{kind} has no {data.keys() - set(known)}"
    return events.made({"at_ns": at_ns, "event": kind, **data})


def name_of(one: Happened) -> str:
    """What kind it is, as the file calls it."""
    return events.named(one)


def data_of(one: Happened) -> dict[str, Any]:
    """What it says, by the names in the file; what it leaves out is not there."""
    return events.said(one)
