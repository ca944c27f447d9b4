"""What runs left behind whose harness is gone: found in their undo.jsonl, and undone from it.

A run that still goes is never touched. Undoing is `services.cleanup.leftovers`' business; this knows where to look.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.doctor.finding import DoctorFinding
from harness.foundation.addresses.address import AddressError, read
from harness.foundation.addresses.judging import Wanted
from harness.foundation.addresses.vetting import look_up, vet
from harness.foundation.errors import HarnessError
from harness.run_directory.undo import OpenEntry, owner_alive, read_open
from harness.services.cleanup import janitor
from harness.services.cleanup.leftovers import is_there
from harness.services.cleanup.undoing import TOXIPROXY

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
    """Under DIR/<scenario>/<run>; `latest` is only another name of one of these. What is listed and not there any more
    was undone where that could not be written down."""
    found = []
    for undo in sorted(out.glob("*/*/undo.jsonl")):
        listed = [] if undo.parent.is_symlink() or owner_alive(undo) else read_open(undo)
        entries = tuple(entry for entry in listed if _elsewhere(entry, ()) or is_there(entry))
        if entries:
            found.append(Leftover(undo, entries))
    return found


def clean(out: Path, allowed_hosts: Sequence[str] = ()) -> list[Cleaned]:
    """Undo all of it, and say what was done. Nothing is told a Toxiproxy that a run could not go to."""
    cleaned = []
    allowed_hosts = [*allowed_hosts, *_numbers(allowed_hosts)]
    for leftover in look(out):
        refused = [why for entry in leftover.entries if (why := _elsewhere(entry, allowed_hosts))]
        if refused:
            cleaned.append(Cleaned(leftover.undo, (), tuple(dict.fromkeys(refused))))
            continue
        said = janitor.clean(leftover.undo)
        left = tuple(line for line in said if line.startswith("LEFT"))
        cleaned.append(Cleaned(leftover.undo, tuple(line for line in said if line not in left), left))
    return cleaned


def _numbers(hosts: Sequence[str]) -> list[str]:
    """What the names among them stand for: a run writes down where it went."""
    found: list[str] = []
    for host in hosts:
        with suppress(OSError, UnicodeError):
            found += look_up(host)
    return found


def _elsewhere(entry: OpenEntry, allowed_hosts: Sequence[str]) -> str:
    """Why an entry leads where it was not allowed to; whoever has put such a file there is given no token of ours."""
    if entry.what != TOXIPROXY:
        return ""
    try:
        vet(
            [Wanted(read(str(entry.data.get("api")), ("http",)), "undo.jsonl", "Faults are undone by going")],
            allowed_hosts,
        )
    except AddressError as error:
        return f"LEFT: a proxy whose address cannot be read: {error}"
    except HarnessError as error:
        return f"LEFT: {error.what} {error.why}. {error.todo}"
    return ""


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
