"""A query that takes 15 % longer on purpose: by how much it waits, and that the mean is right."""

from dataclasses import replace
from typing import Any

import pytest

from harness.reference.broken import applied, slow_query
from harness.reference.settings import Settings
from harness.reference.tools import TOOLS


class Time:
    """A clock that stands still but for what is waited for; each sleep is a millisecond too long."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept_s: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds + 0.001


async def test_it_waits_for_a_share_of_each_query_and_makes_good_for_what_it_waited_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Queries of 100 ms: 15 ms, then 14 ms, since the first wait took 16; one of no time at all waits for nothing."""
    time = Time()
    took_s = [0.1, 0.1, 0.0]

    async def query(*_: Any, **__: Any) -> dict[str, Any]:
        time.now_s += took_s.pop(0)
        return {"rows": []}

    monkeypatch.setattr(slow_query, "time", time)
    monkeypatch.setattr(slow_query, "asyncio", time)
    slow = slow_query.execute_query(replace(TOOLS["execute_query"], run=query))
    answers = [await slow.run(None) for _ in range(3)]

    assert answers == [{"rows": []}] * 3
    assert time.slept_s == pytest.approx([0.015, 0.014])


def test_only_that_tool_is_another_one() -> None:
    """And only when it was asked for."""
    sound = applied.tools(Settings("postgresql://x"), TOOLS)
    slow = applied.tools(Settings("postgresql://x", broken=("slow-query",)), TOOLS)

    assert [name for name in TOOLS if sound[name] is not TOOLS[name]] == []
    assert [name for name in TOOLS if slow[name] is not TOOLS[name]] == ["execute_query"]
