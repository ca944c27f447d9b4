"""What a server holds of many sessions, in words and as values."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from harness.conduct.capacity.door import Door
from harness.conduct.capacity.growth import Growth
from harness.conduct.capacity.holdings import UNITS
from harness.conduct.capacity.refusals import Refusals
from harness.conduct.capacity.sessions import BUSY, OWN, SessionsResult
from harness.foundation.secrets import redact
from harness.foundation.units import show_duration

THINGS: Final = {"session": "sessions", "stream": "streams"}
NAMES: Final = {
    "memory": "memory",
    "open_files": "open files",
    "threads": "threads",
    "connections": "connections",
    OWN: "harness",
}
SHARES: Final = (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))


def lines(result: SessionsResult, door: Door) -> Iterator[str]:
    """The result for a terminal."""
    asked, things = result.asked, THINGS[result.asked.kind]
    count = f"{result.open:,}" if result.gave_way or asked.storm else f"at least {result.open:,}"
    yield f"{count} {things} were open at {redact.url(door.url)}, {door.found.protocol}"
    yield ""
    for words in _refusals(result.refused):
        yield _row("refused", words)
    yield _row("time to open", times(result))
    if result.reconnected is not None:
        yield _row("restart", back(result))
    for name, grown in result.grows.items():
        yield _row(NAMES[name], sentence(name, grown))
    yield _row("answer", f"{result.alive:,} of {result.held:,}, after {show_duration(asked.for_s)}")
    for words in _refusals(result.lost):
        yield _row("lost", words)
    word = "closed" if asked.leave == "close" else "abandoned"
    yield _row(word, f"{result.ended:,} of {result.held:,}")
    for words in _refusals(result.not_ended):
        yield _row("not closed", words)
    if (came := result.came_back) is not None:
        share = f", {max(0.0, came.share):.0%} of what was added came back" if came.share is not None else ""
        after = f"{_mb(came.after)} after {show_duration(asked.after_s)}"
        yield _row(
            "afterwards",
            f"{_mb(came.before)} before, {_mb(came.most)} at the most, {after}{share}",
        )
    if result.places is not None:
        yield _row("places", f"{result.places[0]} of {result.places[1]} new ones could be opened afterwards")
    yield ""
    yield _verdict(result, things)


def _verdict(result: SessionsResult, things: str) -> str:
    asked = result.asked
    if result.why_unknown:
        return f"Unknown: {result.why_unknown}."
    if result.alive < result.held:
        return f"{result.held - result.alive:,} of {result.held:,} open {things} were lost."
    if result.reconnected is not None and result.reconnected.failed.total:
        return f"{result.reconnected.failed.total:,} clients were not served again after the restart."
    if result.open < asked.at_least:
        return f"Fewer than {asked.at_least:,} could be opened (--at-least)."
    if result.gave_way:
        return f"It held {result.open:,} {things}, and refused more."
    if asked.storm and result.refused.total:
        return f"{result.refused.total:,} of {asked.most:,} clients that came at once were refused."
    if asked.storm:
        return f"All {asked.most:,} clients that came at once were let in."
    return f"It held all that were asked for (--max): it may hold more than {result.open:,}."


def times(result: SessionsResult) -> str:
    """`p50 1.2 ms, p95 3.0 ms, ...`."""
    asked = result.asked
    shown = ", ".join(f"{name} {value:.1f} ms" for name, value in _times_ms(result.took_s).items())
    together = "all at once" if asked.storm and not asked.restart else f"{asked.at_once} at once"
    busy = (
        f"; the harness itself was busy for {result.busy:.0%} of it: partly its own"
        if result.busy > BUSY
        else ""
    )
    return f"{shown} ({len(result.took_s):,}, {together}, in {result.opening_s:.1f} s{busy})"


def back(result: SessionsResult) -> str:
    """What became of clients that came back at once."""
    found = result.reconnected
    assert found is not None
    took = ", ".join(f"{name} {value:.0f} ms" for name, value in _times_ms(found.took_s).items())
    failed = f", {found.failed.total:,} failed" if found.failed.total else ""
    return f"{found.kept:,} sessions were kept, {found.reopened:,} opened anew{failed}" + (
        f"; served again after {took}" if took else ""
    )


def sentence(name: str, grown: Growth) -> str:
    """`102.3 KB a session (101.9 KB to 102.8 KB)`."""
    if grown.word == "too_few":
        return "too few steps to tell what a session takes"
    middle, low, high = (_amount(name, value) for value in (grown.per_session, grown.low, grown.high))
    if grown.word == "none_above":
        return f"at most {_amount(name, max(grown.high, 0.0))} a session"
    uneven = "; it grows unevenly" if grown.word == "undecided" else ""
    return f"{middle} a session ({low} to {high}){uneven}"


def values(result: SessionsResult, door: Door) -> dict[str, Any]:
    """The result as JSON."""
    asked, came = result.asked, result.came_back
    back_again = result.reconnected
    return {
        "schema": 1,
        "command": "sessions",
        "target": {
            "url": redact.url(door.url),
            "protocol": door.found.protocol,
            "server": {"name": door.found.server_name, "version": door.found.server_version},
        },
        "hold": asked.kind,
        "max": asked.most,
        "storm": asked.storm,
        "open": result.open,
        "gave_way": result.gave_way,
        "refused": _kinds(result.refused),
        "time_to_open_ms": {name: round(value, 3) for name, value in _times_ms(result.took_s).items()},
        "opening_s": round(result.opening_s, 3),
        "takes": [
            {
                "of": name,
                "unit": UNITS.get(name, "bytes"),
                "word": grown.word,
                "per_session": round(grown.per_session, 4),
                "interval": [round(grown.low, 4), round(grown.high, 4)],
            }
            for name, grown in result.grows.items()
            if name != OWN
        ],
        "generator": {
            "busy": round(result.busy, 3),
            "memory_a_session": round(result.grows[OWN].per_session)
            if OWN in result.grows and result.grows[OWN].word != "too_few"
            else None,
        },
        "restart": None
        if back_again is None
        else {
            "kept": back_again.kept,
            "reopened": back_again.reopened,
            "failed": _kinds(back_again.failed),
            "took_ms": {name: round(value, 3) for name, value in _times_ms(back_again.took_s).items()},
        },
        "alive": {"of": result.held, "answer": result.alive, "lost": _kinds(result.lost)},
        "ended": {"how": asked.leave, "sessions": result.ended, "failed": _kinds(result.not_ended)},
        "memory": None
        if came is None
        else {"before": came.before, "most": came.most, "after": came.after, "came_back": came.share},
        "places": None if result.places is None else {"opened": result.places[0], "tried": result.places[1]},
        "why_unknown": result.why_unknown,
        "exit_code": result.exit_code,
    }


def _times_ms(took_s: Sequence[float]) -> dict[str, float]:
    if not took_s:
        return {}
    found = np.percentile(np.asarray(took_s), [share for _, share in SHARES]) * 1000
    return {name: float(value) for (name, _), value in zip(SHARES, found, strict=True)}


def _kinds(refusals: Refusals) -> list[dict[str, Any]]:
    return [
        {
            "outcome": kind.outcome,
            "status": kind.status,
            "code": kind.code,
            "detail": kind.detail,
            "inside_200": kind.inside_200,
            "count": count,
        }
        for kind, count in refusals.kinds.most_common()
    ]


def _refusals(refusals: Refusals) -> Iterator[str]:
    for kind, count in refusals.kinds.most_common():
        yield f"{count:,}: {kind.words}"


def _row(name: str, words: str) -> str:
    return f"  {name:<13} {words}"


def _amount(name: str, value: float) -> str:
    return f"{value / 1000:.1f} KB" if name in {"memory", OWN} else f"{value:.3f}"


def _mb(value: float) -> str:
    return f"{value / 1e6:.1f} MB"
