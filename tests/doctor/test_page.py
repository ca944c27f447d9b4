"""The page: aligned, calm, and the same as values."""

from pathlib import Path

import pytest

from harness.doctor import page
from harness.doctor.examination import Examination, FindingGroup
from harness.doctor.finding import DoctorFinding, State
from harness.doctor.leftovers import Cleaned


def found(*states: State) -> Examination:
    all_findings = {
        "good": DoctorFinding("Python", "good", "3.11.7"),
        "warning": DoctorFinding("open files", "warning", "1024", "connections", "ulimit -n 8192"),
        "optional": DoctorFinding(
            "Redis", "optional", "not there", "sessions", "apt-get install -y redis-server"
        ),
        "missing": DoctorFinding("PostgreSQL", "missing", "not there", "the database"),
    }
    return Examination((FindingGroup("Installed", tuple(all_findings[state] for state in states)),))


def unpainted(text: str, state: State) -> str:
    return text


def test_a_good_thing_is_one_line_and_another_says_what_and_how() -> None:
    """Names and findings stand in columns."""
    assert page.text(found("good", "warning", "optional"), unpainted).splitlines() == [
        "Installed",
        "  ✓ Python      3.11.7",
        "  ! open files  1024",
        "                for: connections",
        "                get: ulimit -n 8192",
        "  - Redis       not there",
        "                for: sessions",
        "                get: apt-get install -y redis-server",
        "",
        "Ready: `harness ramp --max 50` can run here.",
    ]


def test_what_is_missing_is_named_at_the_end() -> None:
    """And marked in letters where there are no ticks."""
    assert page.text(found("good", "missing"), unpainted, plain=True).splitlines() == [
        "Installed",
        "  ok Python      3.11.7",
        "  X  PostgreSQL  not there",
        "                 for: the database",
        "",
        "Not ready: `harness ramp` cannot run here before this is solved: PostgreSQL.",
    ]


@pytest.mark.parametrize(
    ("states", "ready"),
    [(("good",), True), (("warning", "optional"), True), (("good", "missing"), False)],
)
def test_only_what_is_missing_keeps_a_ramp_from_running(states: tuple[State, ...], *, ready: bool) -> None:
    """Warnings and options do not."""
    assert found(*states).ready is ready


def test_marks_are_painted_by_state() -> None:
    """The words are not."""
    text = page.text(found("missing"), lambda text, state: f"<{state}>{text}</>")
    assert "  <missing>✗</> PostgreSQL  not there" in text


def test_the_same_as_values() -> None:
    """What is not said is null."""
    cleaned = [Cleaned(Path("r/run/undo.jsonl"), ("undone: x",), ("LEFT: y",))]
    assert page.values(found("good", "warning"), cleaned, 6) == {
        "ready": True,
        "exit_code": 6,
        "findings": [
            {
                "group": "installed",
                "name": "Python",
                "state": "good",
                "found": "3.11.7",
                "for": None,
                "todo": None,
            },
            {
                "group": "installed",
                "name": "open files",
                "state": "warning",
                "found": "1024",
                "for": "connections",
                "todo": "ulimit -n 8192",
            },
        ],
        "cleaned": [{"run_dir": "r/run", "done": ["undone: x"], "left": ["LEFT: y"]}],
    }


def test_what_was_cleaned_is_told_run_by_run() -> None:
    """Or that there was nothing."""
    cleaned = [Cleaned(Path("r/run/undo.jsonl"), ("undone: x",), ("LEFT: y",))]
    assert page.cleaned_text(cleaned, "r").splitlines() == ["r/run", "  undone: x", "  LEFT: y"]
    assert page.cleaned_text([], "r") == "Nothing to clean in r.\n"


def test_what_others_said_moves_no_cursor_and_gives_no_orders() -> None:
    """A server's answer is part of a finding; each stays one line, and none is a command of a CI."""
    evil = "no: \x1b[2J\x1b]0;x\x07\r\n::error::x\n##[error]y"
    finding = DoctorFinding("REDIS_URL", "warning", evil, evil, evil)
    shown = page.text(Examination((FindingGroup("Services", (finding,)),)), unpainted)
    cleaned = page.cleaned_text([Cleaned(Path(f"r/{evil}/undo.jsonl"), (evil,), (evil,))], "r")

    for text in (shown, cleaned):
        assert not {*"\x1b\x07\r"} & {*text}
        assert "\n::error" not in text
        assert "##[" not in text
    assert len(shown.splitlines()) == 6
