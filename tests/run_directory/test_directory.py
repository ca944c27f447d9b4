"""Run directories."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.foundation.errors import UsageError
from harness.run_directory import directory

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


def test_each_run_has_a_directory_and_latest_points_to_the_newest(tmp_path: Path) -> None:
    """Two runs in the same second do not meet."""
    first = directory.create(tmp_path, "ramp", NOON)
    second = directory.create(tmp_path, "ramp", NOON)
    for run in (first, second):
        directory.point_latest(run.path)

    assert first.path != second.path
    assert first.path.parent == tmp_path / "ramp"
    assert first.run_id.startswith("20261121T120000Z-")
    assert (tmp_path / "ramp" / "latest").resolve() == second.path
    assert first.spool.is_dir()


def test_a_root_that_cannot_be_written_is_the_user_s_error(tmp_path: Path) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "out").write_text("")

    with pytest.raises(UsageError, match="Cannot write to"):
        directory.create(tmp_path / "out", "ramp", NOON)


def test_a_run_is_found_by_its_directory_by_latest_and_by_a_file_in_it(tmp_path: Path) -> None:
    """Whatever the shell completed."""
    run = directory.create(tmp_path, "ramp", NOON)
    directory.point_latest(run.path)
    run.write_json("metadata.json", {})

    places = [run.path, tmp_path / "ramp" / "latest", run.metadata, tmp_path / "ramp"]
    assert [directory.find(place).path for place in places] == [run.path] * 4


@pytest.mark.parametrize("place", [".", "nowhere"])
def test_what_is_no_run_says_so(tmp_path: Path, place: str) -> None:
    """With an example of what would be one."""
    with pytest.raises(UsageError, match="is not a run"):
        directory.find(tmp_path / place)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A reader sees the old contents until the new ones are complete, and no partial file stays."""
    path = tmp_path / "a.json"
    directory.write_whole(path, "old")
    directory.write_whole(path, "new")

    assert (path.read_text(), [*tmp_path.iterdir()]) == ("new", [path])
