"""The result of a search for capacity, in words."""

from msgspec import UNSET

from harness.report import wording
from harness.run_directory.results import FoundCapacity, Summary


def found_capacity(summary: Summary) -> str:
    """Return the result of the searches in a sentence; "" if there was no search."""
    if summary.found_capacity is UNSET:
        return ""
    several = len(summary.found_capacity) > 1
    return "; ".join(
        (f"{one.step}: " if several else "") + _found_capacity(one) for one in summary.found_capacity
    )


def _found_capacity(one: FoundCapacity) -> str:
    if one.word in {"unknown", "below"} or one.value is None:
        return f"unknown: {one.why}" if one.word == "unknown" else one.why
    whole = one.unit == "users"
    value = capacity_load(one.value, whole=whole)
    if one.word == "at_least" or one.interval is None:
        return f"at least {value}: {one.why}"
    low, high = (capacity_load(edge, whole=whole) for edge in one.interval)
    return f"{value} (90% interval: {low} to {high}); {one.why}"


def capacity_load(load: float, *, whole: bool) -> str:
    """A load that was searched for."""
    return wording.size(int(load), None) if whole else wording.size(None, load)
