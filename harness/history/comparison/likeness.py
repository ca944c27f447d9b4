"""Whether runs can be compared at all: the same scenario, server, machine and protocol, and none that is unknown.

A comparison that is meant to be of two servers or protocols (harness.history.comparison.live) says which of these may
differ. What is unknown of a run (an old one, a damaged file) is like nothing else.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.history.comparison.measured import MeasuredRun

ASKED = {
    "scenario": "the scenarios differ",
    "target": "the servers give different names",
    "machine": "the machines differ",
    "protocol": "the protocols differ",
}


def why_left_out(run: MeasuredRun) -> str:
    """Why a run is no part of a comparison; empty when it is."""
    if run.excluded:
        return f"excluded: {run.excluded}"
    if run.verdict == "unknown":
        return "it cannot be trusted (unknown)"
    return "" if run.values else "it has no figures"


def differences(
    a: Sequence[MeasuredRun], b: Sequence[MeasuredRun], may_differ: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Why these runs are not comparable, in words."""
    for name, words in ASKED.items():
        if name in may_differ:
            continue
        seen = Counter(getattr(run.kind, name) for run in (*a, *b))
        if "" in seen:
            yield f"the {name if name != 'target' else 'server'} of {seen['']} of the runs is unknown"
        elif len(seen) > 1:
            mixed = [
                side for side, runs in (("A", a), ("B", b)) if len({getattr(r.kind, name) for r in runs}) > 1
            ]
            inside = f", even among the runs of {' and of '.join(mixed)}" if mixed else ""
            yield f"{words}{_named(name, a, b)}{inside}"


def _named(name: str, a: Sequence[MeasuredRun], b: Sequence[MeasuredRun]) -> str:
    """The two values, where they are words and not hashes."""
    if name in {"scenario", "machine"}:
        return ""
    values = [" or ".join(sorted({str(getattr(run.kind, name)) for run in side})) for side in (a, b)]
    return f" ({values[0]}, {values[1]})"
