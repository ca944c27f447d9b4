"""What a server of the user's is started with, beside its command: variables for its environment, and its directory.

Secrets among the variables reach it, and nobody who lists processes. What the harness starts for itself does not get them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of every process of the server."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: str = ""

    @property
    def directory(self) -> Path | None:
        """Where it is started; None for where we are."""
        return Path(self.cwd) if self.cwd else None


USUAL: Final = Surroundings()
_NOW: ContextVar[Surroundings] = ContextVar("surroundings of the server under test", default=USUAL)


def current() -> Surroundings:
    """Those in force."""
    return _NOW.get()


@contextmanager
def in_force(surroundings: Surroundings) -> Iterator[None]:
    """Start servers in these surroundings in the block, and in the tasks that are started in it."""
    token = _NOW.set(surroundings)
    try:
        yield
    finally:
        _NOW.reset(token)


def there(argv: Sequence[str], cwd: str) -> list[str]:
    """The command as started in a directory, where whoever starts it cannot change there."""
    return ["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd, *argv] if cwd else list(argv)
