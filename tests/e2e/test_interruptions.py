"""Runs interrupted at random moments leave nothing; `make interrupt` does twenty."""

from pathlib import Path

import pytest

from tests.e2e import toxiproxies
from tests.e2e.interruptions import interrupted

ENDS = {130, -9, 0, 1, 3}  # interrupted, killed, or over before


@pytest.mark.long  # test_fault_runs.py: by Ctrl-C and by kill -9, in mid-fault, on a shared Toxiproxy
@pytest.mark.parametrize("seed", [1])
def test_an_interrupted_run_leaves_no_toxic_no_proxy_and_no_process(
    seed: int, toxiproxy_binary: Path, tmp_path: Path
) -> None:
    """By Ctrl-C and by kill -9; what somebody else has on the Toxiproxy is as it was."""
    with toxiproxies.shared(toxiproxy_binary) as (url, _):
        done = interrupted(seed, url, tmp_path)

    assert done.left == (), done.line()
    assert done.exit_code in ENDS, done.line()
