"""The command against a few of the servers that mean harm; `make hostile` is all of them."""

from collections.abc import Iterator

import pytest

from tests.e2e.disturbed import assert_only_the_machine
from tests.e2e.hostile import PART_MB_MAX, attack, servers
from tests.e2e.hostile_verify import KEY, TOKEN, Verified, harm, verified
from tests.fakes.hostile import BEHAVIOURS, BY_PATH

GIVEN_UP = r"none of [\d,]+ calls succeeded|[\d,]+ replies were dropped because "
STOPPED = r"the run was stopped early: the first \d+ calls all failed|most calls failed: "


@pytest.fixture(scope="module")
def hostile() -> Iterator[tuple[str, list[bytes]]]:
    with servers() as found:
        yield found


@pytest.mark.parametrize("path", ["/redirect-307", pytest.param("/ws-endless-pings", marks=pytest.mark.long)])
def test_a_hostile_server_does_no_harm(hostile: tuple[str, list[bytes]], path: str) -> None:
    """An exit code of the command's own, no traceback, nothing told to anybody else, nothing left."""
    url, told = hostile
    seen = attack(url + path, BY_PATH[path.removeprefix("/calls")], users=3, for_s=1, timeout_s=1)

    assert seen.harm == [], seen.text
    assert told == []


@pytest.mark.parametrize("path", ["/a-name-with-escapes", "/calls/redirect-307"])
def test_a_hostile_server_is_not_verified(hostile: tuple[str, list[bytes]], path: str) -> None:
    """Nothing of its words is obeyed or kept with a secret, nobody else is told, and it is not fit to serve."""
    url, told = hostile
    seen = verified(url + path, BY_PATH[path.removeprefix("/calls")])

    assert seen.harm == [], seen.text
    assert seen.exit_code not in {0, None}
    assert told == []


@pytest.mark.parametrize(
    ("seen", "kept", "words"),
    [
        (Verified(1), {}, ""),
        (Verified(70), {}, "exit 70"),
        (Verified(0), {}, "fit to serve"),
        (Verified(1, "the check itself crashed: KeyError"), {}, "something broke"),
        (Verified(1, f"x {KEY}"), {}, "a secret in the streams"),
        (Verified(1), {"summary.md": TOKEN}, "a secret in summary.md"),
        (Verified(1, "\x1b[2J"), {}, "a control character"),
        (Verified(1), {"summary.md": "a\n::error::b"}, "a command of a CI"),
        (Verified(1), {"results.json": "{", "junit.xml": "<"}, "cannot be read"),
    ],
)
def test_what_is_harm_of_a_verification_is_seen(seen: Verified, kept: dict[str, str], words: str) -> None:
    """Each of it by itself."""
    found = " ".join(harm(seen, BY_PATH["/redirect-307"], kept))

    assert words in found
    assert bool(found) == bool(words)


@pytest.mark.parametrize(
    "path",
    [
        "/calls/endless-body",
        # tests/load/inside/test_held.py: nothing is held of an endless event
        pytest.param("/sse-then-an-endless-event-of-brackets", marks=pytest.mark.long),
    ],
)
def test_fifty_users_whose_replies_have_no_end_fit_into_a_worker(
    hostile: tuple[str, list[bytes]], path: str
) -> None:
    """What is given up for want of room is unknown, never a pass."""
    seen = attack(hostile[0] + path, BY_PATH[path.removeprefix("/calls")], users=50, for_s=3, timeout_s=3)

    assert seen.harm == [], seen.text
    assert 0 < seen.peak_mb["worker"] < PART_MB_MAX
    assert 0 < seen.peak_mb["orchestrator"] < PART_MB_MAX
    assert_only_the_machine(seen.exit_code, seen.reasons, seen.text, must=GIVEN_UP, may=STOPPED)


def test_there_are_three_hundred_ways_to_do_harm_each_with_a_name_of_its_own() -> None:
    """What `make hostile` promises."""
    assert len(BY_PATH) == len(BEHAVIOURS) >= 300
