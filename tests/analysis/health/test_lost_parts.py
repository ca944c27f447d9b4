"""Parts that ended unasked, as findings."""

import pytest

from harness.analysis.health import lost_parts
from harness.run_directory.event_kinds import Event
from tests.fakes.events import data_of
from tests.fakes.events import event as happened

KILLED = "killed by signal 9 (SIGKILL)"


def lost(part: str, how: str = KILLED, words: str = "") -> Event:
    return happened(12_340_000_000, "part_lost", {"part": part, "pid": 7, "how": how, "last_words": words})


@pytest.mark.parametrize(
    ("event", "outcome", "reason"),
    [
        (lost("target"), "unknown", f"the reference target ended by itself 12.3 s into the run: {KILLED}"),
        (lost("postgres"), "unknown", f"PostgreSQL ended by itself 12.3 s into the run: {KILLED}"),
        (lost("janitor"), "unknown", f"the janitor ended by itself 12.3 s into the run: {KILLED}"),
        (lost("epmd"), "unknown", f"RabbitMQ's epmd ended by itself 12.3 s into the run: {KILLED}"),
        (lost("novel"), "unknown", f"novel ended by itself 12.3 s into the run: {KILLED}"),
        (
            lost("server", "exit code 1", "one\n\n  two \nthree\nOut of memory\n"),
            "fail",
            'the server ended by itself 12.3 s into the run: exit code 1; its last output: "two / three / Out of memory"',
        ),
    ],
)
def test_a_part_of_ours_is_unknown_and_a_server_of_the_user_s_has_failed(
    event: Event, outcome: str, reason: str
) -> None:
    """Named, with when and how, and its last words where there are any."""
    (found,) = lost_parts.findings([happened(1, "run_started", {}), event])

    assert (found.outcome, found.reason, found.certain) == (outcome, reason, outcome == "fail")


def test_one_that_was_replaced_is_told_and_is_no_reason() -> None:
    """The janitor: another one does its work."""
    gone = lost("janitor")
    followed = happened(gone.at_ns, "part_lost", {**data_of(gone), "replaced": True})

    assert lost_parts.findings([followed]) == []
    assert lost_parts.replaced([gone]) == ""
    assert lost_parts.replaced([gone, followed]) == (
        f"the janitor ended by itself 12.3 s into the run: {KILLED}, and was replaced"
    )


def test_last_words_are_short_and_end_where_they_end() -> None:
    """However long a line is."""
    words = lost_parts.last_words("x" * 5000 + " the end")

    assert len(words) <= lost_parts.WORDS_CHARS + 3
    assert words.startswith("...")
    assert words.endswith("the end")
