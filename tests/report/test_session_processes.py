"""Sessions that are processes, in a sentence: what they took, and what they wrote that is no message."""

import msgspec
import pytest

from harness.report.session_processes import processes
from harness.run_directory.event_kinds import WorkerReport
from harness.run_directory.results import Processes

FOUND = Processes(started=2, failed=0, start_ms_median=10.0, start_ms_max=20.0, cpu_s_median=None, cpu_s_max=None, rss_mb_median=None, rss_mb_max=None)  # fmt: skip


class Part(msgspec.Struct):
    """What is read of a summary."""

    processes: Processes = FOUND


def report(worker: int, noise: int | None) -> WorkerReport:
    fields = {field.name: None for field in msgspec.structs.fields(WorkerReport)}
    return WorkerReport(**fields | {"at_ns": 0, "worker": worker, "noise": noise})


@pytest.mark.parametrize(
    ("noises", "said"),
    [
        ([(0, None)], ""),
        ([(0, 1)], "1 line on a standard output was no message"),
        ([(0, 3), (1, 4), (0, 5)], "9 lines on their standard output were no message"),
    ],
)
def test_lines_that_are_no_messages_are_told_each_worker_counting_its_own(noises, said) -> None:
    text = processes(Part(), [report(*one) for one in noises])

    assert text.startswith("2 started in")
    assert said in text
    assert ("no message" in text) is bool(said)
