"""The end of a run: what is told of what was left."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.conduct.closing import _tell_left


def told(place: Path, allowed_hosts: list[str]) -> list[str]:
    notes: list[str] = []
    run: Any = SimpleNamespace(
        directory=SimpleNamespace(undo=place / "undo.jsonl"),
        asked=SimpleNamespace(out=place, scenario=SimpleNamespace(allowed_hosts=allowed_hosts)),
        progress=SimpleNamespace(note=notes.append),
    )
    _tell_left(run, ["toxiproxy", "toxiproxy"])
    return notes


def test_the_command_that_undoes_what_was_left_goes_where_the_run_went(tmp_path: Path) -> None:
    """To another machine only by name, as the run did."""
    (tmp_path / "undo.jsonl").touch()
    assert told(tmp_path, ["lab"]) == [
        f"Left over: toxiproxy (see {tmp_path}/undo.jsonl)",
        f"When it answers again: harness doctor --clean --out {tmp_path} --allow-host lab",
    ]
    assert told(tmp_path, [])[1].endswith(f"--out {tmp_path}")


def test_no_file_is_named_that_is_gone(tmp_path: Path) -> None:
    """Nor a command that would find nothing."""
    assert told(tmp_path, []) == [
        f"Left over: toxiproxy; {tmp_path}/undo.jsonl, which says how it is undone, is gone"
    ]
