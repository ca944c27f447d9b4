"""Parts that are ended in a phase of a run; `make kills` does forty."""

from pathlib import Path

import pytest

from tests.e2e.kills import KILL, KILLS, killed

SAMPLE = (
    ("worker-0", KILL, "starting", "closed"),
    ("harness", KILL, "fault on", "closed"),
    ("target", KILL, "starting", "closed"),
)


@pytest.mark.long  # test_fault_runs.py: killed in mid-fault; test_lost_calls.py: no call is missed; test_parts.py: the others
@pytest.mark.timeout(300)
@pytest.mark.parametrize("row", SAMPLE, ids=lambda row: f"{row[0]} {row[2]}")
def test_a_part_that_is_ended_leaves_nothing_hides_nothing_and_is_no_bug(
    row: tuple[str, int, str, str], toxiproxy_binary: Path, tmp_path: Path
) -> None:
    """The exit code is one that the docs give, no row is missed, and nothing is left."""
    done = killed(KILLS.index(row), tmp_path, seed=0, toxiproxy=toxiproxy_binary)

    assert done.wrong == (), done.line()
