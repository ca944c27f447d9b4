"""A run on a machine that does other things at the same time may end unknown: for that reason, and for no other.

Exit code 3 by itself says nothing in a test: a defect that makes every run unknown would go by.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

# How a reason begins for a fault that comes too soon after the start, or on top of another: then a run is no longer than that.
TOO_SOON = (
    r"whether the service recovered from \S+ is unknown: "
    r"(?:only \d+ s of measured load came before it|\S+ was on when it was healed)"
)
PART = r"(?:the harness|worker \d+)"
# How a reason begins that has to do with the machine, and not with what is tested.
OF_THE_MACHINE = re.compile(
    "the load generator was saturated: "
    f"|{PART}(?:, {PART})*(?: and {PART})? did not run for "
    r"|the workers' clocks agree only to "
)


def assert_no_reason_but_the_machine(
    command: Any, *, must: str = "", may: str = "", within_s: float = 200
) -> None:
    """Wait for a run, and look at what its summary says.

    `must` is how a reason begins that the test itself brings about, `may` one that the machine can bring about too.
    """
    code = command.wait(within_s)
    place = command.run_dir()
    assert place, command.stderr
    summary = json.loads((place / "summary.json").read_bytes())
    reasons = summary["reasons"]
    assert code == summary["exit_code"], command.stderr
    assert_only_the_machine(code, reasons, command.stderr, must=must, may=may)


def assert_only_the_machine(
    code: int, reasons: Sequence[str], said: str, *, must: str = "", may: str = ""
) -> None:
    """Exit code 0 without a reason; else each is the machine's, or one that the test knows."""
    known = [re.compile(one) for one in (must, may) if one]
    others = [one for one in reasons if not any(each.match(one) for each in (OF_THE_MACHINE, *known))]

    assert others == [], "\n".join([*others, said])
    assert not must or any(re.match(must, one) for one in reasons), said
    assert code in ({0, 1, 3} if known else {0, 3}), said
    assert bool(reasons) == (code != 0), said
