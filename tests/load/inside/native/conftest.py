"""Both paths, for tests that compare them."""

import pytest

from harness.load.inside import native

CHOICE = native.choose("on")


@pytest.fixture(scope="session")
def wire() -> object:
    """The module in C; a test that needs it is skipped where it was not compiled."""
    if CHOICE.wire is None:
        pytest.skip(f"{CHOICE.says}: `python hatch_build.py` compiles it")
    return CHOICE.wire
