"""Finds, in undo.jsonl, what runs left behind whose harness is gone, and undoes it.

A run that still goes on is never touched. `services.cleanup.leftovers` does the undoing; this module finds
the runs.
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
from harness.services.cleanup.leftover_calls import CALLS
from harness.services.cleanup.leftover_sessions import SESSION
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
    """The result of cleaning up one run directory."""

    undo: Path
    said: tuple[str, ...]
    left: tuple[str, ...]


def look(out: Path) -> list[Leftover]:
    """Return the leftovers of all runs in DIR/<scenario>/<run>, without the symlink `latest`. Entries whose
    thing is gone are left out: they were undone, and that could not be written down."""
    leftovers = []
    for undo in sorted(out.glob("*/*/undo.jsonl")):
        listed = [] if undo.parent.is_symlink() or owner_alive(undo) else read_open(undo)
        entries = tuple(entry for entry in listed if _elsewhere(entry, ()) or is_there(entry))
        if entries:
            leftovers.append(Leftover(undo, entries))
    return leftovers


def clean(out: Path, allowed_hosts: Sequence[str] = ()) -> list[Cleaned]:
    """Undo all leftovers; return what was done.

    A Toxiproxy to which a run could not connect is not called.
    """
    cleaned = []
    allowed_hosts = [*allowed_hosts, *_numbers(allowed_hosts)]
    for leftover in look(out):
        refused = [why for entry in leftover.entries if (why := _elsewhere(entry, allowed_hosts))]
        if refused:
            cleaned.append(Cleaned(leftover.undo, (), tuple(dict.fromkeys(refused))))
            continue
        messages = janitor.clean(leftover.undo)
        left = tuple(line for line in messages if line.startswith("LEFT"))
        cleaned.append(Cleaned(leftover.undo, tuple(line for line in messages if line not in left), left))
    return cleaned


def _numbers(hosts: Sequence[str]) -> list[str]:
    """Return the addresses of these host names, since a run writes down addresses."""
    numbers: list[str] = []
    for host in hosts:
        with suppress(OSError, UnicodeError):
            numbers += look_up(host)
    return numbers


def _elsewhere(entry: OpenEntry, allowed_hosts: Sequence[str]) -> str:
    """Return why an entry's address is not allowed, or ""; a forged file must not get our token."""
    try:
        vet(_wanted(entry), allowed_hosts)
    except AddressError as error:
        return f"LEFT: an entry whose address cannot be read: {error}"
    except HarnessError as error:
        return f"LEFT: {error.what} {error.why}. {error.todo}"
    return ""


def _wanted(entry: OpenEntry) -> list[Wanted]:
    """Return where undoing the entry would connect to."""
    if entry.what == TOXIPROXY:
        return [
            Wanted(read(str(entry.data.get("api")), ("http",)), "undo.jsonl", "Faults are undone by going")
        ]
    if entry.what not in {CALLS, SESSION}:
        return []
    connect = str(entry.data.get("connect"))
    places = [str(entry.data.get("at")), f"http://{f'[{connect}]' if ':' in connect else connect}:1"]
    purpose = "What was written is removed by going"
    return [Wanted(read(place, ("http", "https")), "undo.jsonl", purpose) for place in places]


def finding(out: Path) -> DoctorFinding:
    """Return the finding about leftovers."""
    leftovers = look(out)
    if not leftovers:
        return DoctorFinding("leftovers", "good", f"none in {out}")
    things = sum(len(leftover.entries) for leftover in leftovers)
    where = ", ".join(str(leftover.undo.parent) for leftover in leftovers[:3]) + (
        ", ..." if leftovers[3:] else ""
    )
    return DoctorFinding(
        "leftovers",
        "warning",
        f"{things} thing{'s' if things > 1 else ''} not undone in {where}",
        "their harness is gone, and its janitor too",
        f"{CLEAN_COMMAND} --out {out}",
    )
