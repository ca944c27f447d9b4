"""Check the fields of each kind of event: which are required, and which values they may have.

A number must be finite. `maybe` marks a field that may be null or missing. A field that is not listed may
hold anything, because a newer version may write more. An event of an unknown kind is an error, because its
meaning for the verdict is unknown.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any], bool]
LAG_MS_MOST: Final = 3_600_000


def whole(value: Any) -> bool:
    """Whether it is a whole number that fits into 64 bits, and is not negative."""
    return type(value) is int and 0 <= value < 2**63


def number(value: Any) -> bool:
    """Whether it is a finite number."""
    return type(value) in {int, float} and math.isfinite(value)


def amount(value: Any) -> bool:
    """Whether it is a finite number, and not negative."""
    return number(value) and value >= 0


def share(value: Any) -> bool:
    """Whether it is a number from 0 to 1."""
    return number(value) and 0 <= value <= 1


def text(value: Any) -> bool:
    return isinstance(value, str)


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def mapping(value: Any) -> bool:
    return isinstance(value, dict)


def told(value: Any) -> bool:
    """Whether it maps names to numbers and texts: the parameters of a fault, or its own counts."""
    return mapping(value) and all(number(one) or text(one) for one in value.values())


def amounts(value: Any) -> bool:
    """Whether it is one amount, or a list of amounts."""
    return all(map(amount, value)) if isinstance(value, list) else amount(value)


def lags(value: Any) -> bool:
    """Whether it is one lag in ms or a list of them, each of at most an hour."""
    return amounts(value) and all(
        one <= LAG_MS_MOST for one in (value if isinstance(value, list) else [value])
    )


def numbers(value: Any) -> bool:
    """Whether it is a list of numbers."""
    return isinstance(value, list) and all(map(number, value))


def counted(value: Any) -> bool:
    """Whether it is a list of [from_ms, count]."""
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(map(whole, pair)) for pair in value
    )


def anything(value: Any) -> bool:
    del value
    return True


def maybe(check: Check) -> Check:
    """A check that also accepts null or a missing field."""
    return lambda value: value is None or check(value)


_STEP: Final = {"index": whole}
_FAULT: Final = {"name": text}
_TROUBLE: Final = {"worker": maybe(anything), "users": maybe(whole), "why": maybe(text)}

FIELDS: Final[dict[str, Mapping[str, Check]]] = {
    "run_started": {},
    "step_asked": {**_STEP, "name": text, "kind": text, "users": maybe(whole), "rate": maybe(amount)},
    "step_running": {**_STEP, "users": maybe(whole)},
    "step_done": {**_STEP, "start_ns": whole, "end_ns": whole},
    "step_judged": {
        **_STEP,
        **dict.fromkeys(("requests", "ok", "failed", "not_sent"), maybe(whole)),
        "success_rate": maybe(share),
        "broke": maybe(flag),
    },
    "break": {"users": maybe(whole), "last_good_users": maybe(whole), "reason": maybe(text)},
    "generator": {
        "worker": whole,
        "cpu": maybe(amount),
        "run_delay": maybe(amount),
        "lag_ms": maybe(lags),
        "read_ms": maybe(amounts),
        **dict.fromkeys(("started", "recorded", "open_calls", "users"), maybe(whole)),
        **dict.fromkeys(("files_open", "arrived", "overdue", "retries_refused", "noise"), maybe(whole)),
        "files_max": maybe(number),  # -1: no limit
        "not_sent": maybe(counted),
        "added": maybe(numbers),
        "added_each": maybe(whole),
        "added_others_us": maybe(amount),
    },
    "target": {"rss_mb": maybe(amount), "cpu_s": maybe(amount)},
    "worker_lost": _TROUBLE,
    "rows_unwritten": _TROUBLE,
    "stranger_refused": {"attempts": whole, "why": text},
    "part_lost": {
        "part": text,
        "pid": maybe(whole),
        "how": maybe(text),
        "last_words": maybe(text),
        "replaced": maybe(flag),
    },
    "stalled": {"for_ms": amount, "asleep": maybe(flag)},
    "fault_on": {**_FAULT, "kind": text, "link": maybe(text), "parameters": maybe(told)},
    "fault_verified": {
        **_FAULT,
        "verified": flag,
        "why": maybe(text),
        **dict.fromkeys(("through_ms", "beside_ms", "expected_ms"), maybe(number)),
    },
    "fault_off": _FAULT,
    "fault_healed": {**_FAULT, "healed": flag, "why": maybe(text)},
    "fault_did": {**_FAULT, "did": told},
    "fault_skipped": {**_FAULT, "why": maybe(text)},
    "activity": {"name": maybe(text), "end_ns": maybe(whole)},
    "experiment": {"title": maybe(text), "status": maybe(text), "deviated": maybe(flag)},
    "abort": {"rule": text, "since_s": maybe(amount), "observed": maybe(number)},
    "alert": {"objective": maybe(text), "broken": maybe(flag)},
    "run_ended": {"reason": text, "why": maybe(text)},
}


def wrong(data: Mapping[str, Any]) -> str:
    """Describe the first fault of an event; empty when the event is valid."""
    at_ns, kind = data.get("at_ns"), data.get("event")
    if not isinstance(kind, str) or kind not in FIELDS:
        return f"an event of a kind that is not known: {str(kind)[:40]!r}"
    if not whole(at_ns):
        return f"an event {kind} without a time"
    for name, check in FIELDS[kind].items():
        if not check(data.get(name)):
            return f"an event {kind} whose {name} is {str(data.get(name))[:40]!r}"
    return ""
