"""Describe what became of counted entries and tasks, in one sentence for every format.

The text is made from `work` of the summary, and adds nothing to it.
"""

from msgspec.structs import astuple

from harness.run_directory.results import Promises, WorkResult


def told(found: WorkResult) -> str:
    """The number of acknowledged entries, whether they are there, and what became of the others."""
    acknowledged = found.acknowledged
    parts = [f"{acknowledged:,} {_entries(acknowledged)} acknowledged{_fate(found)}"]
    if found.refused:
        parts.append(f"{found.refused:,} refused ({found.refused_why})")
    if found.indeterminate:
        parts.append(f"{found.indeterminate:,} not answered")
    return "; ".join([*parts, *_tasks(found.tasks)])


def _fate(found: WorkResult) -> str:
    if not found.acknowledged and not found.duplicated:
        return ""
    if found.missing is None:
        return f", and nobody can say whether they are there: {found.unread}"
    if found.unread and found.missing:
        return f", {found.missing:,} of them could not be read back: the server answers {found.unread}"
    if found.missing or found.duplicated:
        twice = found.duplicated or 0
        return f", {found.missing:,} of them missing, {twice:,} {_entries(twice)} there more than once"
    return ", each of them there once"


def _tasks(found: Promises | None) -> list[str]:
    """What became of tasks; empty when there were none."""
    if not found or not any(astuple(found)):
        return []
    accepted = f"{found.acknowledged:,} tasks accepted"
    refused = f", {found.refused:,} refused" if found.refused else ""
    if not found.acknowledged:
        return [accepted + refused]
    if not found.missing and not found.duplicated:
        return [f"{accepted}, each of them finished once{refused}"]
    missing, twice = found.missing, found.duplicated
    return [f"{accepted}, {missing:,} of them not finished, {twice:,} finished more than once{refused}"]


def _entries(count: int) -> str:
    return "entry" if count == 1 else "entries"
