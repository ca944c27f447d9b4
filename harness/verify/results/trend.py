"""The verifications that were kept, one line each, the newest last: did this deployment use to be fit, and since when is it not?

Only what is in the directory of results is read (`DIR/verify/*/results.json`). One that cannot be read is said so, and is no pass.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from harness.foundation.secrets import redact
from harness.foundation.units import MS_PER_S
from harness.foundation.untrusted import nesting
from harness.foundation.untrusted.printable import printable
from harness.verify.doors import places

KEPT_MOST: Final = 30  # of the newest
NAMES_MOST: Final = 3
CHARS: Final = 60
NUMBERS_END: Final = 100_000_000_000_000  # a time in ms beyond every calendar's need


@dataclass(frozen=True, slots=True)
class Kept:
    """One verification, as its results tell it."""

    place: str
    started_ms: int = 0
    target: str = ""
    server: str = ""
    exit_code: int | None = None  # None: its results cannot be read
    counted: dict[str, int] = field(default_factory=dict)
    took_ms: int = 0
    wrong: frozenset[str] = frozenset()  # checks that failed or are unknown


def read(out: Path, target: str = "", most: int = KEPT_MOST) -> list[Kept]:
    """The newest, oldest first; with a `target`, of that one only."""
    places = sorted(path for path in (out / "verify").glob("2*") if path.is_dir() and not path.is_symlink())
    kept = [_read(place) for place in places if (place / "results.json").exists()]
    return [each for each in kept if not target or each.target in {target, ""}][-most:]


def of(out: Path, url: str) -> list[Kept]:
    """Return the kept verifications of the deployment at that address, or of all."""
    return read(out, redact.url(places(url)[0].mcp) if url else "")


def _read(place: Path) -> Kept:
    try:
        report = nesting.of_file(place / "results.json")["results"]
        totals, extra = report["summary"], report["extra"]
        wrong = (test["name"] for test in report["tests"] if test["status"] in {"failed", "other"})
        return Kept(
            place.name,
            _whole(totals["start"]),
            str(extra["target"]),
            str(extra["server"]),
            _whole(extra["exit_code"]),
            {name: _whole(totals[name]) for name in ("passed", "failed", "skipped", "other")},
            _whole(totals["stop"]) - _whole(totals["start"]),
            frozenset(map(str, wrong)),
        )
    except (OSError, ValueError, LookupError, TypeError):
        return Kept(place.name)


def _whole(value: Any) -> int:
    """A number that a verification may have written; ValueError for any other."""
    if type(value) is not int or not 0 <= value < NUMBERS_END:
        raise ValueError
    return value


def lines(kept: Sequence[Kept]) -> list[str]:
    """A table: when, what it came to, how many of each, how long, who it was; and what is new since the one before of the same target."""
    if not kept:
        return ["Nothing was verified yet: harness verify --url URL"]
    shown = [
        f"{'when (UTC)':<20} {'exit':>4} {'passed':>6} {'failed':>6} {'unknown':>7} {'skipped':>7} {'took':>8}  deployment"
    ]
    before: dict[str, Kept] = {}
    for each in kept:
        shown += [_line(each), *(f"    {line}" for line in _changes(before.get(each.target), each))]
        if each.exit_code is not None:
            before[each.target] = each
    return shown


def _line(kept: Kept) -> str:
    if kept.exit_code is None:
        return f"{kept.place:<20}    ? its results cannot be read"
    began = f"{datetime.fromtimestamp(kept.started_ms / MS_PER_S, UTC):%Y-%m-%d %H:%M:%S}"
    numbers = (kept.counted[name] for name in ("passed", "failed", "other", "skipped"))
    counted = " ".join(f"{number:>{width}}" for number, width in zip(numbers, (6, 6, 7, 7), strict=True))
    who = printable(f"{kept.target} {kept.server}".strip(), 2 * CHARS)
    return f"{began:<20} {kept.exit_code:>4} {counted} {kept.took_ms / MS_PER_S:>6.1f} s  {who}"


def _changes(before: Kept | None, now: Kept) -> list[str]:
    if before is None or now.exit_code is None:
        return []
    new, gone = sorted(now.wrong - before.wrong), sorted(before.wrong - now.wrong)
    changes = (
        [f"another build: {printable(before.server, CHARS)} before"] if before.server != now.server else []
    )
    changes += [f"newly failing: {_named(new)}"] if new else []
    # Not "holds again": it may not have been run.
    return changes + ([f"no longer failing: {_named(gone)}"] if gone else [])


def _named(names: Sequence[str]) -> str:
    more = f", and {len(names) - NAMES_MOST} more" if len(names) > NAMES_MOST else ""
    return ", ".join(printable(name, CHARS) for name in names[:NAMES_MOST]) + more


def as_data(kept: Sequence[Kept]) -> list[Mapping[str, object]]:
    """The same for programs."""
    return [
        {
            "results": each.place,
            "started_ms": each.started_ms,
            "target": each.target,
            "server": each.server,
            "exit_code": each.exit_code,
            **each.counted,
            "took_ms": each.took_ms,
            "wrong": sorted(each.wrong),
        }
        for each in kept
    ]
