"""What a check may ask for: the deployment, sessions with it, names of its own, a place to say what must be removed, patience."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from harness.mcp import stdio_address
from harness.verify import settings, waiting
from harness.verify.deploying import Deployed
from harness.verify.finding import skip
from harness.verify.naming import named
from harness.verify.opening import opened
from harness.verify.results import files
from harness.verify.spec.model import Spec
from harness.verify.target import CLOCK, OpenClient, Target
from harness.verify.writing import Writing, registered

SHARED: Final = pytest.StashKey[Target]()  # of `harness verify`, which has looked at it already


@pytest.fixture(scope="session")
def _deployment(pytestconfig: pytest.Config) -> Iterator[Target]:
    shared = pytestconfig.stash.get(SHARED, None)
    if shared is not None:
        yield shared
        return
    out = Path(pytestconfig.getoption("--verify-out") or os.environ.get("HARNESS_OUT") or "reports")
    asked = settings.read(pytestconfig.getoption)
    # A user's own pytest gets no directory for sessions alone, which the deployment forgets by itself.
    place = (
        partial(files.create, out, CLOCK.utc())
        if asked.allow_writes or asked.allow_deploy or stdio_address.command(asked.url)
        else None
    )
    with opened(asked, place) as target:
        yield target


@pytest.fixture
def target(_deployment: Target) -> Target:
    """The deployment that is verified."""
    _deployment.tries = 1
    _deployment.exchanges.begin()
    return _deployment


@pytest.fixture
def client(target: Target) -> Iterator[OpenClient]:
    """An open session by the newest door that is offered."""
    with target.client() as opened_client:
        yield opened_client


@pytest.fixture
def other_client(target: Target) -> Iterator[OpenClient]:
    """Another one, beside it."""
    with target.client() as opened_client:
        yield opened_client


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Names that nobody else has: `unique("order")` is verify-order-3f9c21aa-04d1e7, the first number being that of the run."""
    return named


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Say how something is removed before it is made. It is done when the check ends, however it ends, the last first.

    cleanup(lambda: ...)                            anything, as long as this process lives
    cleanup.tool("delete_order", {"id": name})      a tool of the deployment; also after a kill -9, by the janitor
    """

    _stack: ExitStack
    _target: Callable[[], Target]

    def __call__(self, remove: Callable[[], object]) -> None:
        self._stack.callback(remove)

    def tool(self, name: str, arguments: Mapping[str, Any]) -> None:
        """A call that removes exactly this."""
        registered(self._target(), self, name, arguments)


@pytest.fixture
def cleanup(request: pytest.FixtureRequest) -> Iterator[Cleanup]:
    """Say how something is removed before it is made: `cleanup.tool("delete_order", {"id": name})`, or `cleanup(lambda: ...)`."""
    with ExitStack() as stack:
        yield Cleanup(stack, lambda: request.getfixturevalue("target"))


@pytest.fixture
def eventually() -> Callable[..., object]:
    """Wait until something is true: `eventually(lambda: ..., "what is awaited")`."""
    return waiting.eventually


@pytest.fixture
def writing(target: Target, unique: Callable[[str], str], cleanup: Cleanup) -> Writing:
    """The write that verify.yaml declares; skipped without one, and without leave to write."""
    if target.spec.write is None:
        skip(
            "no write is declared", "verify.yaml: write {call, args}, and read {call, args} to find it again"
        )
    if not target.settings.allow_writes:
        skip("this check writes to the deployment", "add --allow-writes")
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
