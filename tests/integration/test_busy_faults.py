"""Faults on a link to a server that takes one call at a time, while users keep it busy: the short form of tests/truth/faults.py."""

import asyncio

import pytest

from tests.truth import faults

pytestmark = pytest.mark.usefixtures("toxiproxy_found")

CALL_MS, USERS, FOR_S = 60, 4, 3.0
HAPPENED = ["noop", "latency", "latency-up", "down", "timeout", "timeout-up", "reset_peer", "slow_close"]
LOST = ["latency, gone", "latency, 100 ms", "reset_peer, gone"]  # `make truth` has more


async def measured(*names: str) -> list[faults.Row]:
    return [row async for row in faults.measure(CALL_MS, USERS, FOR_S, list(names))]


async def test_faults_on_a_busy_server_are_verified_and_healed() -> None:
    """Its answers vary by hundreds of milliseconds, and nothing of that is taken for the link's."""
    rows = [row for (row,) in await asyncio.gather(*map(measured, HAPPENED))]  # each has a server of its own

    assert [row.name for row in rows] == HAPPENED
    assert [str(row) for row in rows if not row.ok] == []
    # One may be unknown on a machine that is busy with other tests; the rest is not.
    assert sum(row.word == "verified" for row in rows) >= len(HAPPENED) - 1, [str(row) for row in rows]


async def test_faults_that_a_busy_server_s_link_has_lost_are_not_verified() -> None:
    """Toxiproxy has others than it was told, and nobody reads them back: canaries alone tell."""
    rows = await measured(*LOST)

    assert [row.name for row in rows] == LOST
    assert [str(row) for row in rows if not row.ok] == []


@pytest.mark.parametrize("attributes", [None, {"latency": 100}])
async def test_a_toxic_that_is_lost_or_changed_later_is_read_back(attributes: dict[str, int] | None) -> None:
    """While its time runs, after it was verified."""
    row = await faults.disturbed(attributes)

    assert row.word == "unknown"
    assert "when it should have been healed" in row.why
    assert ("has no latency" if attributes is None else "latency 100") in row.why
    assert row.healed
