"""Check the fields of plan.json and metadata.json (for summary.json: harness.run_directory.results.glance).

`sound` returns the usable fields, and reports those whose value has the wrong shape. As with events, `None`
stands for a value that is null or missing, and a key that is not listed may hold anything.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.run_directory.event_fields import Check, amount, flag, mapping, maybe, share, text, told, whole

SECONDS_MOST: Final = 4e9
INTERVAL_S_LEAST: Final = 0.01
WORKERS_MOST: Final = 100_000
ECHO_MOST: Final = 40


def seconds(value: Any) -> bool:
    """Whether it is a time in seconds: not negative, and no longer than a lifetime, so sums stay finite."""
    return amount(value) and value <= SECONDS_MOST


def interval(value: Any) -> bool:
    """Whether it is a length into which a step can be cut."""
    return seconds(value) and value >= INTERVAL_S_LEAST


def seed(value: Any) -> bool:
    """Whether it is a whole number."""
    return type(value) is int


def users(value: Any) -> bool:
    """Whether it is a number of users, or `last_good`."""
    return whole(value) or value == "last_good"


def workers(value: Any) -> bool:
    return whole(value) and value <= WORKERS_MOST


def texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(text, value))


def of(fields: Mapping[str, Check]) -> Check:
    """A check for an object with these fields."""
    return lambda value: mapping(value) and all(check(value.get(name)) for name, check in fields.items())


def every(check: Check) -> Check:
    """A check for a list whose items all pass this check."""
    return lambda value: isinstance(value, list) and all(map(check, value))


ARRIVALS: Final = of(
    {
        "rate_per_s": amount,
        "kind": maybe(text),
        "max_users": maybe(whole),
        "queue": maybe(whole),
        "calls": maybe(whole),
    }
)
SEARCH: Final = of(
    {
        "objectives": texts,
        **dict.fromkeys(("first", "most"), amount),
        "within_s": seconds,
        "precision": share,
        "whole": flag,
    }
)
STEP: Final = of(
    {
        "index": maybe(whole),
        "phase": text,
        "kind": maybe(text),
        "users": maybe(users),
        "arrivals": maybe(ARRIVALS),
        **dict.fromkeys(("starts_s", "hold_s", "settle_s", "rest_s"), maybe(seconds)),
        "interval_s": maybe(interval),
        "break_below": maybe(share),
        "break_unless": maybe(texts),
        "confirm": maybe(flag),
        "requests": maybe(whole),
        "search": maybe(SEARCH),
    }
)
FAULT: Final = of(
    {
        **dict.fromkeys(("name", "kind", "link", "step"), maybe(text)),
        **dict.fromkeys(("offset_s", "starts_s", "for_s"), maybe(seconds)),
        "parameters": maybe(told),
    }
)
RETRIES: Final = of(
    {
        "attempts": whole,
        "backoff_s_first": maybe(seconds),
        "backoff_s_most": maybe(seconds),
        "budget": maybe(amount),
    }
)
SERVER: Final = of({"name": maybe(text), "version": maybe(text)})
PROCESSES: Final = of(
    {
        "seen": whole,
        **dict.fromkeys(("cpu_s_median", "cpu_s_max", "rss_mb_median", "rss_mb_max"), maybe(amount)),
    }
)
AUTH: Final = of(
    {
        "source": text,
        **dict.fromkeys(("tokens", "failed", "refused"), whole),
        **dict.fromkeys(("took_ms_mean", "took_ms_max", "lives_s"), maybe(amount)),
    }
)
TARGET: Final = of(
    {
        **dict.fromkeys(("url", "transport", "protocol"), maybe(text)),
        "server": maybe(SERVER),
        "managed": maybe(flag),
        "cpu_max": maybe(amount),
        "cpu_s": maybe(amount),
        "rss_max_mb": maybe(amount),
        "processes": maybe(PROCESSES),
        "auth": maybe(AUTH),
        "insecure": maybe(flag),
        "proxy": maybe(text),
    }
)
PROCESSORS: Final = of(dict.fromkeys(("steal_share", "clock_mhz_low", "clock_mhz_high"), maybe(amount)))

COVERED: Final = of(
    {
        "kind": lambda value: value in {"tool", "resource", "template", "prompt"},
        **dict.fromkeys(("name", "operation", "left_out"), text),
        "refused": maybe(flag),
    }
)

PLAN: Final[Mapping[str, Check]] = {
    "scenario": maybe(text),
    "seed": maybe(seed),
    "duration_s": maybe(seconds),
    "steps": maybe(every(STEP)),
    "faults": maybe(every(FAULT)),
    "warm_up": maybe(STEP),
    "abort": maybe(every(mapping)),
    "retries": maybe(RETRIES),
    "calls_per_connection": maybe(whole),
    "clients": maybe(texts),
    "matrix": maybe(flag),
    "not_applicable": maybe(
        lambda value: (
            isinstance(value, dict)
            and all(isinstance(each, str) for each in value)
            and all(map(texts, value.values()))
        )
    ),
}
METADATA: Final[Mapping[str, Check]] = {
    **dict.fromkeys(
        ("run_id", "scenario", "command", "started_at", "engine", "commit", "branch"), maybe(text)
    ),
    "argv": maybe(texts),
    "seed": maybe(seed),
    "timeout_s": maybe(seconds),
    "warmup_s": maybe(seconds),
    "workers": maybe(workers),
    "objectives": maybe(texts),
    "clock_error_ms": maybe(amount),
    "clocks": maybe(every(of({"error_ms": maybe(amount)}))),
    "target": maybe(TARGET),
    "coverage": maybe(every(COVERED)),
    "machine": maybe(mapping),
    "processors": maybe(PROCESSORS),
    "versions": maybe(mapping),
    "fast_lane": maybe(text),
}


def sound(
    name: str, data: Mapping[str, Any], fields: Mapping[str, Callable[[Any], bool]]
) -> tuple[Mapping[str, Any], list[str]]:
    """The usable part of a file, and one sentence for each key that is not usable."""
    bad = [key for key, check in fields.items() if not check(data.get(key))]
    return (
        {key: value for key, value in data.items() if key not in bad},
        [f"{name} says {key}: {repr(data.get(key))[:ECHO_MOST]}" for key in bad],
    )
