"""What runs left behind whose harness is gone: found in their undo.jsonl, and undone from it.

A run that still goes is never touched. Undoing is `services.cleanup.leftovers`' business; this knows where to look.
"""

from dataclasses import dataclass
from pathlib import Path

from harness.doctor.finding import DoctorFinding
from harness.run_directory.undo import OpenEntry, owner_alive, read_open
from harness.services.cleanup import janitor

CLEAN_COMMAND = "harness doctor --clean"


@dataclass(frozen=True, slots=True)
class Leftover:
    """One run directory with things that were not undone."""

    undo: Path
    entries: tuple[OpenEntry, ...]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What became of one of them."""

    undo: Path
    said: tuple[str, ...]
    left: tuple[str, ...]


def look(out: Path) -> list[Leftover]:
    """Under DIR/<scenario>/<run>; `latest` is only another name of one of these."""
    found = []
    for undo in sorted(out.glob("*/*/undo.jsonl")):
        entries = () if undo.parent.is_symlink() else tuple(read_open(undo))
        if entries and not owner_alive(undo):
            found.append(Leftover(undo, entries))
    return found


def clean(out: Path) -> list[Cleaned]:
    """Undo all of it, and say what was done."""
    cleaned = []
    for leftover in look(out):
        said = janitor.clean(leftover.undo)
        left = tuple(line for line in said if line.startswith("LEFT"))
        cleaned.append(Cleaned(leftover.undo, tuple(line for line in said if line not in left), left))
    return cleaned


def finding(out: Path) -> DoctorFinding:
    """Of what is left now."""
    found = look(out)
    if not found:
        return DoctorFinding("leftovers", "good", f"none in {out}")
    things = sum(len(leftover.entries) for leftover in found)
    where = ", ".join(str(leftover.undo.parent) for leftover in found[:3]) + (", ..." if found[3:] else "")
    return DoctorFinding(
        "leftovers",
        "warning",
        f"{things} thing{'s' if things > 1 else ''} not undone in {where}",
        "their harness is gone, and its janitor too",
        f"{CLEAN_COMMAND} --out {out}",
    )
