"""What a fault is: apply, verify, heal.

before   canaries through the link and beside it agree
apply    written ahead, done, read back
verify   canaries through and beside differ as the fault says; else it did not happen
heal     idempotent: also after a failed apply, also twice
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.faults.evidence import Canaries, Shown
from harness.services.links import Link
from harness.services.toxiproxy_api import Stream, Toxic
from harness.services.undoing import Undo, toxics

STREAMS: dict[str, tuple[Stream, ...]] = {
    "downstream": ("downstream",),
    "upstream": ("upstream",),
    "both": ("upstream", "downstream"),
}


class Fault(Protocol):
    """One fault in one place."""

    def undo(self) -> Undo | None:
        """What must be undone, to be written ahead."""
        ...

    async def apply(self) -> None: ...

    async def verify(self, canaries: Canaries) -> Shown:
        """Whether it shows."""
        ...

    async def heal(self) -> None: ...


@runtime_checkable
class Counting(Protocol):
    """A fault that does something of its own, act by act."""

    def did(self) -> dict[str, int]:
        """What it did, and what came of it."""
        ...


@dataclass(frozen=True, slots=True)
class Toxics:
    """A fault that is toxics on a link; how it shows is its own."""

    link: Link
    toxics: Sequence[Toxic]
    shows: Callable[[Canaries], Awaitable[Shown]]

    def undo(self) -> Undo:
        return toxics(self.link, [toxic.name for toxic in self.toxics])

    async def apply(self) -> None:
        for toxic in self.toxics:
            await self.link.api.add_toxic(self.link.proxy, toxic)

    async def verify(self, canaries: Canaries) -> Shown:
        return await self.shows(canaries)

    async def heal(self) -> None:
        for toxic in self.toxics:
            await self.link.remove_toxic(toxic.name)


def on_streams(name: str, kind: str, direction: object, **attributes: int) -> list[Toxic]:
    """The same toxic on one stream of a link, or on both."""
    return [
        Toxic(f"{name}-{stream}", kind, stream, attributes=attributes) for stream in STREAMS[str(direction)]
    ]
