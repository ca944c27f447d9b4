"""What a search for leaks found, in words and as values."""

from collections.abc import Iterator
from typing import Any, Final

from harness.conduct.capacity.door import Door
from harness.conduct.capacity.growth import Growth
from harness.conduct.capacity.holdings import UNITS
from harness.conduct.capacity.leak import LeakResult
from harness.foundation.secrets import redact
from harness.foundation.units import show_duration

NAMES: Final = {
    "memory": "memory",
    "open_files": "open files",
    "threads": "threads",
    "connections": "connections",
}
DOES: Final = {
    "close": "opened, called and closed",
    "vanish": "opened, called and abandoned",
    "cancel": "opened, a call given up, and closed",
    "listen-vanish": "opened with a stream, called and abandoned",
}


def lines(result: LeakResult, door: Door) -> Iterator[str]:
    """The result for a terminal."""
    visits, asked = result.visits, result.asked
    failed = sum(visits.failed.values())
    yield f"{visits.over:,} sessions {DOES[asked.pattern]} in {show_duration(round(result.took_s))} at {redact.url(door.url)}"
    if failed or visits.not_made:
        yield f"{failed:,} of them failed, and {visits.not_made:,} more could not be opened in time"
    yield ""
    for name, grown in result.grows.items():
        yield f"  {NAMES[name]:<12} {sentence(name, grown)}"
    if result.grows:
        first = next(iter(result.grows.values()))
        yield ""
        yield f"Measured over {first.sessions:,} sessions, after a warm-up of {first.warm_up_sessions:,}; intervals of 95 %."
    if result.why_unknown:
        yield f"Unknown: {result.why_unknown}."
    elif result.leaking:
        yield f"It leaks {' and '.join(NAMES[name] for name in result.leaking)}."
    elif result.exit_code:
        yield "Unknown: it cannot be told yet whether this growth ends. Run for longer (--for), or faster (--rate)."


def sentence(name: str, grown: Growth) -> str:
    """`leaks 10.2 KB a session (9.6 to 10.8)`."""
    if grown.word == "too_few":
        return "too few readings: run for longer"
    middle, low, high = (_amount(name, value) for value in (grown.per_session, grown.low, grown.high))
    if grown.word == "none_above":
        return f"no leak above {_amount(name, max(grown.high, 0.0))} a session can be there"
    if grown.word == "undecided":
        return f"grows by {middle} a session ({low} to {high}), but ever more slowly or in a few steps"
    return f"leaks {middle} a session ({low} to {high})"


def _amount(name: str, value: float) -> str:
    if name == "memory":
        return f"{value / 1000:.1f} KB"
    return f"{value:.3f}"


def values(result: LeakResult, door: Door) -> dict[str, Any]:
    """The result as JSON."""
    asked, visits = result.asked, result.visits
    return {
        "schema": 1,
        "command": "leak",
        "target": {
            "url": redact.url(door.url),
            "protocol": door.found.protocol,
            "server": {"name": door.found.server_name, "version": door.found.server_version},
        },
        "pattern": asked.pattern,
        "rate_per_s": asked.rate_per_s,
        "duration_s": round(result.took_s, 1),
        "sessions": {
            "over": visits.over,
            "failed": dict(visits.failed),
            "not_made": visits.not_made,
        },
        "grows": [
            {
                "of": name,
                "unit": UNITS[name],
                "word": grown.word,
                "per_session": round(grown.per_session, 4),
                "interval": [round(grown.low, 4), round(grown.high, 4)],
                "sessions": grown.sessions,
                "warm_up_sessions": grown.warm_up_sessions,
            }
            for name, grown in result.grows.items()
        ],
        "leaking": result.leaking,
        "why_unknown": result.why_unknown,
        "exit_code": result.exit_code,
    }
