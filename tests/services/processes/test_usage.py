"""Usage of processes that end while they are read."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from harness.services.processes import usage


@pytest.mark.parts
@pytest.mark.parametrize("lister", ["scandir", "listdir"])
def test_a_process_that_ends_while_it_is_read_used_nothing(
    monkeypatch: pytest.MonkeyPatch, lister: str
) -> None:
    """Between its own line and those of its threads; it is no bug of ours."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        real: Callable[..., Any] = getattr(os, lister)

        def ended_first(place: Any = ".") -> Any:
            if str(child.pid) in str(place):
                child.kill()
                child.wait()
            return real(place)

        monkeypatch.setattr(os, lister, ended_first)
        assert usage.of_process(child.pid).run_delay_s >= 0
        child.kill()
