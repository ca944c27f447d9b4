"""Describe what became of counted entries and tasks, in one sentence for every format.

The text is made from `work` of the summary, and adds nothing to it.
"""

from msgspec.structs import astuple

from harness.run_directory.results import Promises, WorkResult


def told(result: WorkResult) -> str:
    """The number of acknowledged entries, whether they are there, and what became of the others."""
    acknowledged = result.acknowledged
    parts = [f"{acknowledged:,} {_entries(acknowledged)} acknowledged{_fate(result)}"]
    if result.refused:
        parts.append(f"{result.refused:,} refused ({result.refused_why})")
    if result.indeterminate:
        parts.append(f"{result.indeterminate:,} not answered")
    return "; ".join([*parts, *_tasks(result.tasks)])


def _fate(result: WorkResult) -> str:
    if not result.acknowledged and not result.duplicated:
        return ""
    if result.missing is None:
        return f", and it is unknown whether they are stored: {result.unread}"
    if result.unread and result.missing:
        return f", {result.missing:,} of them could not be read back: the server answers {result.unread}"
    if result.missing or result.duplicated:
        twice = result.duplicated or 0
        return f", {result.missing:,} of them missing, {twice:,} {_entries(twice)} stored more than once"
    return ", each of them stored exactly once"


def _tasks(promises: Promises | None) -> list[str]:
    """What became of tasks; empty when there were none."""
    if not promises or not any(astuple(promises)):
        return []
    accepted = f"{promises.acknowledged:,} tasks accepted"
    refused = f", {promises.refused:,} refused" if promises.refused else ""
    if not promises.acknowledged:
        return [accepted + refused]
    if not promises.missing and not promises.duplicated:
        return [f"{accepted}, each of them finished once{refused}"]
    missing, twice = promises.missing, promises.duplicated
    return [f"{accepted}, {missing:,} of them not finished, {twice:,} finished more than once{refused}"]


def _entries(count: int) -> str:
    return "entry" if count == 1 else "entries"
