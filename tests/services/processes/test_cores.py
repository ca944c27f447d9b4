"""Who runs on which core: shared out from those that we were given, and given back."""

import os
import subprocess
import sys
import uuid

import pytest

from harness.services.processes import launch
from harness.services.processes.cores import Cores, share_out, shared_out

LOOK = "import os; print(*sorted(os.sched_getaffinity(0)), os.nice(0))"


@pytest.mark.parametrize(
    ("allowed", "workers", "expected"),
    [
        ({0, 1}, 1, Cores((1,), frozenset({0}))),
        ({0, 1, 2, 3}, 2, Cores((3, 2), frozenset({0, 1}))),
        ({5, 9, 2}, 1, Cores((9,), frozenset({5, 2}))),  # the cpuset of a container
        ({0}, 1, None),
        ({0, 1}, 2, None),
        ({0, 1, 2}, 0, None),  # all workers are on other machines
    ],
)
def test_each_worker_has_a_core_and_all_others_have_the_rest(
    allowed: set[int], workers: int, expected: Cores | None
) -> None:
    """Or everybody runs everywhere."""
    assert share_out(allowed, workers) == expected


needs_two = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core")


@pytest.mark.parts
@needs_two
def test_what_is_started_meanwhile_is_aside_and_afterwards_all_is_as_it_was() -> None:
    """By inheritance; a second run at the same time shares nothing out."""
    allowed, name = os.sched_getaffinity(0), f"test-{uuid.uuid4()}"
    with shared_out(1, name) as cores:
        assert cores is not None
        seen = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
        assert {int(core) for core in seen.stdout.split()[:-1]} == cores.others == os.sched_getaffinity(0)
        with shared_out(1, name) as second:
            assert second is None
            assert os.sched_getaffinity(0) == cores.others
    assert os.sched_getaffinity(0) == allowed
    with shared_out(1, name) as again:
        assert again == cores


@pytest.mark.parts
@pytest.mark.parametrize(("nice", "may"), [(10, {10}), (0, {0}), (-5, {0, -5})])
def test_a_child_is_where_it_was_told_to_be(nice: int, may: set[int]) -> None:
    """It comes first where that is allowed, and is started all the same where it is not."""
    core = max(os.sched_getaffinity(0))
    code = f"import runpy, sys; launch = runpy.run_path({launch.__file__!r}); launch['take_place']({nice}, '{core}'); {LOOK}"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    at, priority = map(int, seen.stdout.split())

    assert at == core
    assert priority - os.nice(0) in may


@pytest.mark.parts
def test_a_core_that_is_not_there_is_not_insisted_on() -> None:
    """It may have been taken away since."""
    code = f"import runpy; runpy.run_path({launch.__file__!r})['take_place'](0, '4095'); {LOOK}"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(seen.stdout.split()) == len(os.sched_getaffinity(0)) + 1
