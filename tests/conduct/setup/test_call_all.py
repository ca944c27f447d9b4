"""What is called of all that a server offers: what is said of it before the load, and why anything is left out."""

import pytest

from harness.client.offer import Offered
from harness.client.trial_calls import WRITES, Tried
from harness.conduct.setup import call_all
from harness.conduct.setup.call_all import REASONS_SHOWN, entry, reasons

READS = {"annotations": {"readOnlyHint": True}}
IMPOSSIBLE = {"inputSchema": {"type": "object", "properties": {"n": False}, "required": ["n"]}}


def left_out(name: str, why: str) -> Tried:
    return Tried(Offered("tool", name), left_out=why)


def test_what_is_left_out_for_one_reason_shares_a_line() -> None:
    """Four are named; whoever would be called with a flag hears which."""
    lines = reasons([*(left_out(f"t{number}", WRITES) for number in range(6)), left_out("x", "it is broken")])

    assert lines == [
        f"  left out: t0, t1, t2, t3 and 2 more: {WRITES} (--allow-writes: they are called, too)",
        "  left out: x: it is broken",
    ]
    assert reasons([Tried(Offered("tool", "good"), ({},))]) == []


def test_more_reasons_than_fit_are_in_the_report() -> None:
    """Their number is said."""
    lines = reasons([left_out(f"t{number}", f"reason {number}") for number in range(REASONS_SHOWN + 2)])

    assert len(lines) == REASONS_SHOWN + 1
    assert lines[-1] == "  and 2 more reasons, in the report"


@pytest.mark.parametrize(
    ("tried", "what", "todo"),
    [
        ([left_out("buy", WRITES)], "None of the 1 tools of this server is annotated as read-only", "--allow-writes"),
        ([left_out("buy", WRITES), left_out("look", "it failed")], "Nothing that this server offers can be called", "--call TOOL"),
        ([], "Nothing that this server offers can be called", "--call TOOL"),
    ],
)  # fmt: skip
def test_when_nothing_can_be_called_the_reasons_are_the_error(
    tried: list[Tried], what: str, todo: str
) -> None:
    """With what to do."""
    error = call_all._nothing(tried)

    assert error.what == what
    assert todo in error.todo
    assert error.why


@pytest.mark.parametrize(
    ("described", "allow_writes", "why", "refused"),
    [
        (READS, False, "", False),
        ({}, False, WRITES, False),
        ({}, True, "", False),
        (READS | IMPOSSIBLE, False, "no arguments could be made: ", True),
    ],
)
def test_what_is_not_tried_gets_arguments_all_the_same(
    described: dict[str, object], allow_writes: bool, why: str, refused: bool
) -> None:
    """Where failures are expected, a trial would say nothing."""
    one = call_all._untried(Offered("tool", "look", described), 7, allow_writes=allow_writes)

    assert one.left_out.startswith(why)
    assert bool(one.left_out) == bool(why)
    assert (one.refused, bool(one.examples)) == (refused, not why)


@pytest.mark.parametrize(
    ("kind", "key"), [("tool", "call"), ("prompt", "prompt"), ("resource", "read"), ("template", "read")]
)
def test_an_entry_of_the_load_draws_one_of_the_examples(kind: str, key: str) -> None:
    """By the word that a scenario has for its kind."""
    assert entry(Tried(Offered(kind, "x"), ({"a": 1},))) == {key: "x", "examples": [{"a": 1}]}


@pytest.mark.parametrize(
    ("were_tried", "how"), [(True, "each tried before the load"), (False, "not tried before")]
)
def test_what_is_called_is_counted_by_kind(were_tried: bool, how: str) -> None:
    """A plural where there is more than one."""
    called = [Tried(Offered("tool", "a"), ({},)), *(Tried(Offered("prompt", p), ({},)) for p in "bc")]
    tried = [*called, left_out("d", "it failed")]

    assert (
        call_all._said(tried, called, were_tried=were_tried) == f"Calling 1 of 2 tools, 2 of 2 prompts, {how}"
    )
