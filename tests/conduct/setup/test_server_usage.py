"""What a server uses over a run, from readings a second apart."""

from collections.abc import Sequence

import pytest

from harness.conduct.setup.server import UsageMaxima
from harness.services.processes.usage import Usage


@pytest.mark.parametrize(
    ("readings_s", "cpu_s"),
    [
        ([], None),
        ([3.0], None),
        ([3.0, 4.5], 1.5),
        ([3.0, 4.5, 0.5, 9.0], None),  # restarted: what the first process used at the end is not known
        ([3.0, 0.0], None),  # it was killed, and is not there
    ],
)
def test_processor_time_is_that_of_the_same_processes_or_not_known(
    readings_s: Sequence[float], cpu_s: float | None
) -> None:
    each = iter([Usage(at_s, cpu, 1_000_000, 0.0) for at_s, cpu in enumerate(readings_s)])
    usage = UsageMaxima(now=lambda: next(each))
    for _ in readings_s:
        usage.read()

    assert usage.cpu_s == cpu_s
