"""The command against a few of the servers that mean harm; `make hostile` is all of them."""

from collections.abc import Iterator

import pytest

from tests.e2e.disturbed import assert_only_the_machine
from tests.e2e.hostile import WORKER_MB_MAX, attack, servers
from tests.fakes.hostile import BEHAVIOURS, BY_PATH

GIVEN_UP = r"none of [\d,]+ calls succeeded|[\d,]+ replies were given up "
STOPPED = r"the run was stopped early: the first \d+ calls all failed|most calls failed: "


@pytest.fixture(scope="module")
def hostile() -> Iterator[tuple[str, list[bytes]]]:
    with servers() as found:
        yield found


@pytest.mark.parametrize("path", ["/redirect-307", "/ws-endless-pings"])
def test_a_hostile_server_does_no_harm(hostile: tuple[str, list[bytes]], path: str) -> None:
    """An exit code of the command's own, no traceback, nothing told to anybody else, nothing left."""
    url, told = hostile
    seen = attack(url + path, BY_PATH[path.removeprefix("/calls")], users=3, for_s=1, timeout_s=1)

    assert seen.harm == [], seen.text
    assert told == []


def test_fifty_users_whose_replies_have_no_end_fit_into_a_worker(hostile: tuple[str, list[bytes]]) -> None:
    """What is given up for want of room is unknown, never a pass."""
    seen = attack(
        hostile[0] + "/calls/endless-body", BY_PATH["/endless-body"], users=50, for_s=3, timeout_s=3
    )

    assert seen.harm == [], seen.text
    assert 0 < seen.worker_mb < WORKER_MB_MAX
    assert_only_the_machine(seen.exit_code, seen.reasons, seen.text, must=GIVEN_UP, may=STOPPED)


def test_there_are_two_hundred_ways_to_do_harm_each_with_a_name_of_its_own() -> None:
    """What `make hostile` promises."""
    assert len(BY_PATH) == len(BEHAVIOURS) >= 200
