"""A resilience matrix as a scenario: one load step for each fault of the catalogue, under the same load.

    |------- before_s: what is normal -------|== for_s: the fault ==|-- after_s: is it back? --|
    |<------------------------------ one load step, one row ------------------------------>|

The steps follow each other without a pause. Each row measures anew, in its own step, what is normal. So a
fault that leaves damage behind spoils the next row visibly (the row says that the service was not well
before), not silently.

A row is a fault in one place: `kill-target`, `latency-database`. The placebo has one row only; rude clients
have a row for each of their manners: `rude-expired`. The rows of `TOGETHER` have two faults at once, where
one alone shows less:

    slow database  |======|               what is under way when the process is killed takes longer,
    kill               |===========|      so more of it is under way; recovery counts from the last healing

It does not know whether a place exists (`reachable` says what can be known beforehand), nor the results
(`analysis.faults.matrix`).
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from harness.foundation.errors import UsageError
from harness.foundation.units import said, show_duration
from harness.scenario import stdio
from harness.scenario.catalogue import DEPLOYS, FAULTS, LINKS, PROXIED_LINKS, RUDE, USER_CLASSES
from harness.scenario.inapplicable import Rows, is_stdio

PLACEBO: Final = "noop"
TARGET: Final = "target"
STDIO_PLACE: Final = "processes"  # of the sessions of a server over stdio
BY_MANNER: Final = "rude"
DOWNSTREAM_ONLY: Final = ("limit_data",)
LEAD_S, OVERLAP_S, OUTLASTS_S = (
    2.0,
    1.0,
    4.0,
)  # two faults: when the second begins, how long both overlap, and the least length of the second
WITH_SESSIONS: Final = "2025-11-25"
BROKERS: Final = {"queue": "AMQP_URL", "sessions": "REDIS_URL"}
# A mix of users that makes enough calls in each second to compare seconds.
MIX: Final = {name: user.matrix_weight for name, user in USER_CLASSES.items()}
CALLS_PER_CONNECTION: Final = 20  # connections are replaced, because some faults act on new connections only
TOGETHER: Final[Rows] = {
    "kill-with-slow-database": (("latency", "database"), ("kill", "target")),
}


@dataclass(frozen=True, slots=True)
class Times:
    """The lengths of the three parts of a row: before, during and after the fault."""

    before_s: float
    for_s: float
    after_s: float


FULL: Final = Times(33.0, 10.0, 17.0)  # thirty seconds to learn from, and a minute in all
QUICK: Final = Times(10.0, 3.0, 12.0)


def rows(
    reachable: Collection[str], only: Collection[str] = (), own: Mapping[str, Any] = MappingProxyType({})
) -> Rows:
    """The rows that fit the target, in the catalogue's order."""
    there = {*reachable, *own}
    fit = {name: each for name, each in wanted(only, own).items() if all(_fits(*one, there) for one in each)}
    if not fit:
        if STDIO_PLACE in reachable:
            raise UsageError(
                "None of these faults fits a server over stdio",
                f"Of the catalogue {' and '.join(stdio.FAULTS)} do: they act on the processes of the sessions",
                f"Leave --only out, or give --only {','.join(stdio.FAULTS)}",
            )
        raise UsageError(
            "None of these faults fits this target",
            f"Possible places: {', '.join(place.said for link, place in LINKS.items() if link in reachable)}",
            "Leave --url out for the reference server, or give a scenario with target: {command: [...]}",
        )
    return fit


def wanted(only: Collection[str] = (), own: Mapping[str, Any] = MappingProxyType({})) -> Rows:
    """All rows that were asked for, whatever the target. `only`: kinds, or names of rows; `own`: the user's links."""
    every: dict[str, tuple[tuple[str, str], ...]] = {
        f"{kind}-{variant}": ((kind, link),)
        for kind, known in FAULTS.items()
        for link in (known.links[:1] if kind == PLACEBO else _links(kind, own))
        for variant in (RUDE if kind == BY_MANNER else (link,))
    }
    every |= TOGETHER
    for word in only:
        _check_word(word, every)
    return {
        name: faults
        for name, faults in every.items()
        if not only or name in only or (len(faults) == 1 and faults[0][0] in only)
    }


def _links(kind: str, own: Mapping[str, Any]) -> list[str]:
    """The places of a fault: the catalogue's, and the user's links."""
    known = FAULTS[kind]
    if known.links != PROXIED_LINKS:
        return list(known.links)
    shown = kind not in DOWNSTREAM_ONLY
    return [*known.links, *(name for name, link in own.items() if shown or not _is_mute(link))]


def _is_mute(link: object) -> bool:
    """Whether nothing is known that its service would answer (`LinkSpec.is_mute`)."""
    return isinstance(link, Mapping) and link.get("speaks") == "tcp" and not link.get("send")


def _check_word(word: str, every: Collection[str]) -> None:
    if word in FAULTS or word in every:
        return
    close = difflib.get_close_matches(word[:100], [*FAULTS, *every], 1)
    raise UsageError(
        f"--only {said(word)}: there is no such fault",
        f"There are {', '.join(FAULTS)}; or single rows such as kill-target",
        f"Did you mean {close[0]}?" if close else "See docs/faults.md",
    )


def reachable(
    target: Mapping[str, Any], environ: Mapping[str, str], only: Collection[str] = ()
) -> frozenset[str]:
    """The places where faults can act on this target.

    The reference target has no broker unless the environment names one, or a row on the way to it is asked for.
    """
    if is_stdio(target):
        return frozenset({STDIO_PLACE})
    if target.get("command"):
        return frozenset({"client", "target"}) | _door(target)
    if target.get("url"):
        return frozenset({"client"}) | _door(target)
    away = {link for link, name in BROKERS.items() if not environ.get(name)}
    asked = {link for link in away if any(word.endswith(f"-{link}") for word in only)}
    ours = frozenset(LINKS) - {"door"} | _door(target)
    return ours - (away - asked) - ({"postgres"} if environ.get("DATABASE_URL") else set())


def _door(target: Mapping[str, Any]) -> frozenset[str]:
    """The place `door`, unless the protocol is one that rude clients cannot speak (they speak plain HTTP)."""
    return frozenset() if target.get("protocol") in ("sse", "websocket") else frozenset({"door"})


def _fits(kind: str, link: str, reachable: Collection[str]) -> bool:
    """Whether the fault fits the target: a deploy of several processes is the reference target's."""
    if STDIO_PLACE in reachable and link == TARGET and kind in stdio.FAULTS:
        return True
    return link in reachable and (kind not in DEPLOYS or "database" in reachable)


def scenario(
    rows: Rows,
    times: Times,
    users: int,
    own: Mapping[str, Any] = MappingProxyType({}),
    not_applicable: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, Any]:
    """The scenario, as a mapping that a file would hold; `not_applicable`: rows that cannot be, by the reason."""
    load, faults = [], []
    for row, both in rows.items():
        planned = _faults(row, both, times)
        for_s = max(times.for_s, LEAD_S + OUTLASTS_S) if len(both) > 1 else times.for_s
        lasting = show_duration(times.before_s + for_s + times.after_s)
        load.append({"name": row, "sustain": {"users": users, "for": lasting}})
        faults += [_upstream(one) if _is_mute(own.get(str(one["link"]))) else one for one in planned]
    beside = {"not_applicable": dict(not_applicable)} if not_applicable else {}
    return {"name": "matrix", "matrix": True, "load": load, "faults": faults, **beside}


def _upstream(fault: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fault on what goes to the service: of one that says nothing, nothing else can be verified."""
    return {**fault, "direction": "upstream"} if "direction" in FAULTS[fault["fault"]].parameters else fault


def _faults(row: str, faults: Sequence[tuple[str, str]], times: Times) -> list[Mapping[str, Any]]:
    if len(faults) == 1:
        return [_fault(row, row, faults[0], times.before_s, times.for_s)]
    first, second = faults
    return [
        _fault(f"{row}.{first[0]}", row, first, times.before_s, LEAD_S + OVERLAP_S),
        _fault(row, row, second, times.before_s + LEAD_S, max(times.for_s - LEAD_S, OUTLASTS_S)),
    ]


def _fault(name: str, row: str, what: tuple[str, str], at_s: float, for_s: float) -> Mapping[str, Any]:
    kind, link = what
    known = FAULTS[kind]
    usual = {key: one.usual for key, one in known.parameters.items() if one.usual is not None}
    if kind == BY_MANNER:
        usual["how"] = row.removeprefix(f"{kind}-")
    lasting = {} if known.momentary else {"for": show_duration(for_s)}
    return {
        "name": name,
        "fault": kind,
        "link": link,
        "at": f"{row}+{show_duration(at_s)}",
        **lasting,
        **usual,
    }
