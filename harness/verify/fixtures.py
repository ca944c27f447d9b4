"""What a check may ask for: the deployment, sessions with it, names of its own, a place to say what must be removed, patience."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from harness.verify import settings, waiting
from harness.verify.deploying import Deployed
from harness.verify.finding import skip
from harness.verify.naming import named
from harness.verify.spec.model import Spec
from harness.verify.target import OpenClient, Target, opened
from harness.verify.writing import Writing

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
    _deployment.exchanges.begin()
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
    return named


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


@pytest.fixture
def writing(
    target: Target, unique: Callable[[str], str], cleanup: Callable[[Callable[[], object]], None]
) -> Writing:
    """The write that verify.yaml declares; skipped without one, and without leave to write."""
    if target.spec.write is None:
        skip(
            "no write is declared", "verify.yaml: write {call, args}, and read {call, args} to find it again"
        )
    if not target.settings.allow_writes:
        skip("it would write to the deployment", "add --allow-writes")
    return Writing(target.spec, target, unique, cleanup)


@pytest.fixture
def spec(target: Target) -> Spec:
    """What verify.yaml says."""
    return target.spec


@pytest.fixture
def after_deploy(target: Target, _deployed: Deployed) -> Deployed:
    """What became of sessions and writes in a deploy; made once, for all checks that ask."""
    target.exchanges.recall("deploy")
    return _deployed
