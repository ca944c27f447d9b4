"""A run may last for hours: free memory goes back to the system once a minute."""

import pytest

from harness.conduct.load_and_faults import give_back_free_memory
from harness.foundation import free_memory
from harness.foundation.clock import FakeClock
from harness.foundation.units import NS_PER_S


class EnoughError(Exception):
    """Ends what has no end."""


async def test_free_memory_goes_back_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, at_s = FakeClock(), []
    began_ns = clock.now_ns()

    def give_back() -> None:
        at_s.append((clock.now_ns() - began_ns) / NS_PER_S)
        if len(at_s) == 3:
            raise EnoughError

    monkeypatch.setattr(free_memory, "give_back", give_back)
    with pytest.raises(EnoughError):
        await give_back_free_memory(clock)

    assert at_s == [60, 120, 180]
