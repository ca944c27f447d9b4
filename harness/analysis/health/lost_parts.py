"""Parts of a run that ended without being asked to: which, when, and how.

A part of the harness's own (the reference target and what stands behind it, Toxiproxy, the janitor) makes the run
unknown: what was measured from then on was not what was to be measured. A part that was replaced (the janitor) is only
named. A server that a command of the user's has
started fails the run: that it ends under load is a finding about the server.

What a fault of the plan ends, and what the run itself ends, is no part that was lost.
"""

from collections.abc import Iterable
from typing import Final

from harness.analysis.finding import Finding, certain, unknown
from harness.foundation.units import NS_PER_S
from harness.run_directory.event_kinds import Event, PartLost

SERVER: Final = "server"
NAMES: Final = {
    SERVER: "the server",
    "target": "the reference target",
    "target-2": "the second process of the reference target",
    "postgres": "PostgreSQL",
    "rabbitmq": "RabbitMQ",
    "epmd": "RabbitMQ's epmd",
    "redis": "Redis",
    "toxiproxy": "Toxiproxy",
    "janitor": "the janitor",
}
WORDS_LINES, WORDS_CHARS = 3, 300


def findings(events: Iterable[Event]) -> list[Finding]:
    """One finding for each part that was lost."""
    results: list[Finding] = []
    for event in events:
        if isinstance(event, PartLost) and not event.replaced:
            theirs = event.part == SERVER
            results += certain(sentence(event)) if theirs else unknown(sentence(event))
    return results


def replaced(events: Iterable[Event]) -> str:
    """A sentence about the parts that died and were replaced; the run can still be trusted."""
    return "; ".join(sentence(event) for event in events if isinstance(event, PartLost) and event.replaced)


def sentence(event: PartLost) -> str:
    """A sentence about a lost part: which, when, how, and its last output."""
    again = ", and was replaced" if event.replaced else ""
    words = last_words(event.last_words or "")
    output = f'; its last output: "{words}"' if words else ""
    return (
        f"{NAMES.get(event.part, event.part)} ended by itself {event.at_ns / NS_PER_S:.1f} s into the run: "
        f"{event.how}{again}{output}"
    )


def last_words(text: str) -> str:
    """The end of the part's output, on one line."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()][-WORDS_LINES:]
    words = " / ".join(lines)
    return words if len(words) <= WORDS_CHARS else f"...{words[-WORDS_CHARS:]}"
