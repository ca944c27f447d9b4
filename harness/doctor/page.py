"""The examination's output: aligned text for people, plain values for JSON.

A good finding has one line. Any other has a second with its purpose, and a third with the command to get it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from harness.doctor.examination import Examination
from harness.doctor.finding import DoctorFinding, State
from harness.doctor.leftovers import Cleaned
from harness.foundation.untrusted.printable import printable, without_commands

MARKS: dict[State, str] = {
    "good": "\N{CHECK MARK}",
    "warning": "!",
    "optional": "-",
    "missing": "\N{BALLOT X}",
}
PLAIN_MARKS: dict[State, str] = {"good": "ok", "warning": "!", "optional": "-", "missing": "X"}
FOUND_CHARS: Final = 1_000

Paint = Callable[[str, State], str]


def text(examination: Examination, paint: Paint, *, plain: bool = False) -> str:
    """Return all findings as aligned text; `plain` where the terminal cannot show a tick."""
    marks = PLAIN_MARKS if plain else MARKS
    width = max(len(finding.name) for finding in examination.findings)
    mark_width = max(map(len, marks.values()))
    lines = []
    for group in examination.groups:
        lines += [group.title]
        for finding in group.findings:
            mark = paint(marks[finding.state].ljust(mark_width), finding.state)
            lines += [f"  {mark} {finding.name.ljust(width)}  {_shown(finding.found)}"]
            lines += [" " * (mark_width + width + 5) + line for line in _advice(finding)]
        lines += [""]
    return "\n".join([*lines, conclusion(examination, paint)])


def _shown(text: str) -> str:
    """Return foreign text as one safe line: a server or a program may have said it."""
    return without_commands(printable(text, FOUND_CHARS))


def _advice(finding: DoctorFinding) -> list[str]:
    if finding.state == "good":
        return []
    return [
        _shown(line)
        for line in (finding.purpose and f"for: {finding.purpose}", finding.todo and f"get: {finding.todo}")
        if line
    ]


def conclusion(examination: Examination, paint: Paint) -> str:
    """Return the last line: whether a run could start."""
    if examination.ready:
        return paint("Ready: `harness ramp --max 50` can run here.", "good")
    missing = ", ".join(finding.name for finding in examination.findings if finding.state == "missing")
    return paint(f"Not ready: `harness ramp` cannot run here before this is solved: {missing}.", "missing")


def cleaned_text(cleaned: Sequence[Cleaned], out: object) -> str:
    """Return the text about the cleanup."""
    if not cleaned:
        return f"Nothing to clean in {out}.\n"
    lines = []
    for each in cleaned:
        lines += [_shown(str(each.undo.parent)), *(f"  {_shown(line)}" for line in (*each.said, *each.left))]
    return "\n".join([*lines, ""])


def values(examination: Examination, cleaned: Sequence[Cleaned], exit_code: int) -> dict[str, Any]:
    """Return the examination as one JSON object."""
    return {
        "ready": examination.ready,
        "exit_code": exit_code,
        "findings": [
            {
                "group": group.title.lower(),
                "name": finding.name,
                "state": finding.state,
                "found": finding.found,
                "for": finding.purpose or None,
                "todo": finding.todo or None,
            }
            for group in examination.groups
            for finding in group.findings
        ],
        "cleaned": [
            {"run_dir": str(each.undo.parent), "done": list(each.said), "left": list(each.left)}
            for each in cleaned
        ],
    }
