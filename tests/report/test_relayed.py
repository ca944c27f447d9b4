"""A server of several processes, in a sentence of the report."""

import msgspec
import pytest

from harness.report.reading import read
from harness.report.relayed import behind_the_balancer
from harness.run_directory.results import Relayed, RelayedProcess
from tests.fakes.runs import ramp


@pytest.fixture(scope="module")
def summary(tmp_path_factory):
    return read(ramp().write(tmp_path_factory.mktemp("relayed"))).summary


def relayed(balance="session", **counts):
    zeros = dict.fromkeys(("lost_elsewhere", "lost_replaced", "lost_forgotten", "refused", "cut"), 0)
    processes = (
        RelayedProcess(name="one", requests=1200, sessions=3),
        RelayedProcess(name="two", requests=800, sessions=2),
    )
    return Relayed(balance=balance, processes=processes, **{**zeros, **counts})


def test_a_server_of_one_process_has_no_sentence(summary):
    """Nothing stands between it and the users."""
    assert behind_the_balancer(summary) == ""


@pytest.mark.parametrize(
    ("counted", "how", "lost", "ended"),
    [
        (relayed(), "each session stays with the process that opened it", "no session lost", ""),
        (
            relayed("requests", lost_elsewhere=1500),
            "requests go to them by turns",
            "sessions lost: 1,500 because another process was asked than the one that has them",
            "",
        ),
        (
            relayed("address", lost_replaced=2, lost_forgotten=1, refused=3, cut=4),
            "each client address stays with one of them",
            "sessions lost: 2 with a process that was replaced, 1 by the process that had opened them",
            "; 3 requests found no process; 4 calls were ended in the middle by their process",
        ),
        (relayed("of a later version"), "of a later version", "no session lost", ""),
    ],
)
def test_the_sentence_names_processes_lost_sessions_and_ended_calls(summary, counted, how, lost, ended):
    """Counts of zero are left out, but for sessions: that none was lost is what one wants to know."""
    text = behind_the_balancer(msgspec.structs.replace(summary, relayed=counted))

    assert text == f"{how}; requests: one 1,200, two 800; it saw {lost}{ended}"
