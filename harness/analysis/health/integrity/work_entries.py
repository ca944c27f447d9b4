"""work.jsonl: entries and tasks as they were written, and what was read back.

A line of an entry, or of a task, has a known outcome and is done after it was sent; each entry has one line. What was
read back is a list of names, or counts by name. A line that is none of this is told, and left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from harness.analysis.health.integrity.files import Record
from harness.mcp import outcome
from harness.run_directory.event_fields import Check, maybe, text, whole

WRITTEN: Final = ("entry", "task")


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(map(text, value))


def _counts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(whole, value.values()))


def _pairs(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(pair, list) and len(pair) == 2 and all(map(whole, pair)) for pair in value.values()
    )


FIELDS: Final[Mapping[str, Check]] = {
    "entry": text,
    "task": maybe(text),
    "found": _names,
    "seen": maybe(_names),
    "executed": _counts,
    "finished": _pairs,
    "sent_ns": maybe(whole),
    "done_ns": whole,
    "unread": maybe(text),
    "unrecorded": maybe(text),
}


def find(record: Record) -> Iterator[str]:
    """Yield one sentence for each kind of damage in work.jsonl."""
    bad = [line for line in record.work if not usable(line)]
    if bad:
        lines = "1 line" if len(bad) == 1 else f"{len(bad):,} lines"
        yield f"{lines} of work.jsonl cannot be counted: {str(bad[0])[:60]}"
    entries = Counter(str(line["entry"]) for line in record.work if "entry" in line)
    if twice := sum(count > 1 for count in entries.values()):
        yield f"work.jsonl has {'1 entry' if twice == 1 else f'{twice:,} entries'} twice"


def usable(line: Mapping[str, Any]) -> bool:
    """Whether a line can be counted."""
    if not all(check(line[name]) for name, check in FIELDS.items() if name in line):
        return False
    if not any(name in line for name in WRITTEN):
        return True
    known = isinstance(line.get("outcome"), str) and line["outcome"] in outcome.ALL
    return known and (line.get("sent_ns") or 0) <= line.get("done_ns", 2**63)


def those(work: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The lines that can be counted."""
    return tuple(dict(line) for line in work if usable(line))
