"""Which runs there are, which may go, and which one came before."""

import os
from pathlib import Path

import pytest

from harness.foundation.errors import UsageError
from harness.history import runs
from harness.run_directory.undo import UndoJournal
from tests.history.past import HERE, past


def names(found: list[runs.PastRun]) -> list[str]:
    return [f"{run.scenario} {run.path.name[6:8]}" for run in found]


def test_runs_are_listed_newest_first_whatever_else_lies_there(tmp_path: Path) -> None:
    """Links, other folders, a copy under another name, and metadata that is none are no runs."""
    newest = past(tmp_path, 3)
    past(tmp_path, 1)
    past(tmp_path, 2, "other")
    (tmp_path / "night" / "latest").symlink_to(newest.name)
    (tmp_path / "night" / "20260109T030000Z-abc123").symlink_to(newest.name)
    (tmp_path / "linked").symlink_to("night")
    (tmp_path / "example").mkdir()
    (tmp_path / "example" / "report.html").write_text("")
    newest.parent.joinpath("20260108T030000Z-abc123").mkdir()
    for bad in ("{", "[]"):
        copy = tmp_path / "bad" / f"20260107T030000Z-abc12{len(bad)}"
        copy.mkdir(parents=True)
        (copy / "metadata.json").write_text(bad)
    moved = past(tmp_path, 5, "moved")
    moved.rename(moved.with_name("20260105T030000Z-def456"))

    found = runs.runs(tmp_path)

    assert names(found) == ["night 03", "other 02", "night 01"]
    assert [run.latest for run in found] == [True, False, False]
    with pytest.raises(UsageError, match="There are no runs"):
        runs.runs(tmp_path / "nowhere")


def test_what_is_beyond_the_newest_of_each_scenario_may_go(tmp_path: Path) -> None:
    """Counted for each scenario by itself; what was removed is gone, the rest is as it was."""
    for day in (1, 2, 3):
        past(tmp_path, day)
    past(tmp_path, 1, "other")
    (past(tmp_path, 4) / "charts").mkdir()

    old = runs.beyond(runs.runs(tmp_path), 2)
    assert names(old) == ["night 02", "night 01"]
    (old[0].path / "charts").mkdir()
    (old[0].path / "charts" / "one.svg").write_text("12345")
    (old[0].path / "elsewhere").symlink_to(tmp_path / "other")
    assert runs.size_bytes(old[0]) > runs.size_bytes(old[1]) > 0
    for run in old:
        assert run.stays == ""
        runs.remove(run)

    assert names(runs.runs(tmp_path)) == ["night 04", "night 03", "other 01"]


@pytest.mark.parametrize("what", ["running", "beginning", "latest", "left over"])
def test_a_run_that_is_needed_stays(tmp_path: Path, what: str) -> None:
    """However old it is, and it is said why."""
    run = past(tmp_path, 1, ended=what != "beginning")
    past(tmp_path, 2)
    if what == "beginning":
        (run / "undo.jsonl").unlink()
    if what == "latest":
        (run.parent / "latest").symlink_to(run.name)
    if what == "left over":
        (run / "undo.jsonl").write_text('{"id":1,"what":"toxic","path":"x"}\n')
    if what == "running":
        UndoJournal(run / "undo.jsonl").close()  # its owner is this process

    (old,) = runs.beyond(runs.runs(tmp_path), 1)

    words = {"running": "running", "beginning": "running", "latest": "latest", "left over": "doctor --clean"}
    assert words[what] in old.stays
    assert (old.state == "running") == (what in {"running", "beginning"})


def test_a_run_that_was_cut_off_says_so(tmp_path: Path) -> None:
    """Its owner is gone and there is no summary; it may go."""
    past(tmp_path, 1, ended=False)

    (run,) = runs.runs(tmp_path)

    assert (run.state, run.stays) == ("cut off", "")


def test_the_run_before_is_of_the_same_scenario_on_the_same_machine(tmp_path: Path) -> None:
    """Another scenario, another machine, a run that was cut off and a later one are passed over."""
    wanted = past(tmp_path, 1)
    past(tmp_path, 2, ended=False)
    past(tmp_path, 3, machine=HERE | {"host": "there"})
    past(tmp_path, 4, "other")
    this = past(tmp_path, 5)
    past(tmp_path, 6)

    before, elsewhere = runs.previous(tmp_path, this)

    assert before is not None
    assert (before.path, elsewhere) == (wanted, 1)
    assert runs.previous(tmp_path, wanted) == (None, 0)
    assert runs.previous(tmp_path, tmp_path / "elsewhere") == (None, 0)


def test_a_removal_that_was_cut_off_can_be_done_again(tmp_path: Path) -> None:
    """What says that it is a run goes last."""
    path = past(tmp_path, 1)
    (path / "charts").mkdir(mode=0o700)
    (path / "charts" / "one.svg").write_text("")
    (run,) = runs.runs(tmp_path)
    if os.getuid() == 0:  # root is stopped by nothing but what is not there
        (path / "summary.json").unlink()
    else:
        (path / "charts").chmod(0o500)
        with pytest.raises(OSError, match="denied"):
            runs.remove(run)
        (path / "charts").chmod(0o700)
        assert names(runs.runs(tmp_path)) == ["night 01"]
    runs.remove(run)

    assert runs.runs(tmp_path) == []
