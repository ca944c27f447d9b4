"""What a check may ask for: the deployment, sessions with it, names of its own, a place to say what must be removed, patience."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from harness.verify import settings, waiting
from harness.verify.target import OpenClient, Target, opened

SHARED: Final = pytest.StashKey[Target]()  # of `harness verify`, which has looked at it already


@pytest.fixture(scope="session")
def _deployment(pytestconfig: pytest.Config) -> Iterator[Target]:
    shared = pytestconfig.stash.get(SHARED, None)
    if shared is not None:
        yield shared
        return
    with opened(settings.read(pytestconfig.getoption)) as found:
        yield found


@pytest.fixture
def target(_deployment: Target) -> Target:
    """The deployment that is verified."""
    _deployment.tries = 1
    return _deployment


@pytest.fixture
def client(target: Target) -> Iterator[OpenClient]:
    """An open session by the newest door that is offered."""
    with target.client() as found:
        yield found


@pytest.fixture
def other_client(target: Target) -> Iterator[OpenClient]:
    """Another one, beside it."""
    with target.client() as found:
        yield found


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Names that nobody else has: `unique("order")` is verify-order-3f9c21aa04."""
    return lambda what: f"verify-{what}-{secrets.token_hex(5)}"


@pytest.fixture
def cleanup() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Say how something is removed before it is made: `cleanup(lambda: ...)`. It is done when the check ends, however it ends, the last first."""
    with ExitStack() as stack:

        def register(remove: Callable[[], object]) -> None:
            stack.callback(remove)

        yield register


@pytest.fixture
def eventually() -> Callable[..., object]:
    """Wait until something is true: `eventually(lambda: ..., "what is awaited")`."""
    return waiting.eventually
