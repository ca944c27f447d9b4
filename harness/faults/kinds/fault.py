"""What a fault is: apply, verify, heal.

before   canaries through the link and beside it agree, or the server is too busy to tell
apply    written ahead, done, read back
verify   canaries through and beside differ as the fault says; what they cannot tell is not verified
lacks    read back: what of it is not there any more
heal     idempotent: also after a failed apply, also twice
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.faults.canary.evidence import LIMIT_S, Canaries, VerificationResult
from harness.services.cleanup.undoing import Undo
from harness.services.fault_sites.links import Link
from harness.services.toxiproxy.api import Stream, Toxic

STREAMS: dict[str, tuple[Stream, ...]] = {
    "downstream": ("downstream",),
    "upstream": ("upstream",),
    "both": ("upstream", "downstream"),
}


class Fault(Protocol):
    """One fault in one place."""

    def undo(self) -> Undo | None:
        """Return the entry for undo.jsonl that is written before the fault is applied.

        None if none is needed.
        """
        ...

    async def apply(self) -> None: ...

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        """Check within about that time whether the fault has its effect."""
        ...

    async def heal(self) -> None: ...


@runtime_checkable
class ReadBack(Protocol):
    """A fault that can be read back from its fault site."""

    async def lacks(self) -> str:
        """Return what is missing of the fault; "" when all of it is there."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A fault that counts its own acts."""

    def did(self) -> dict[str, int]:
        """Return how often it did what, and how the server reacted."""
        ...


@dataclass(frozen=True, slots=True)
class Toxics:
    """A fault made of toxics on a link; `shows` verifies its effect."""

    link: Link
    toxics: Sequence[Toxic]
    shows: Callable[[Canaries, float], Awaitable[VerificationResult]]

    def undo(self) -> Undo:
        return self.link.undo_toxics([toxic.name for toxic in self.toxics])

    async def apply(self) -> None:
        for toxic in self.toxics:
            await self.link.api.add_toxic(self.link.proxy, toxic)

    async def verify(self, canaries: Canaries, within_s: float = LIMIT_S) -> VerificationResult:
        return await self.shows(canaries, within_s)

    async def lacks(self) -> str:
        now = await self.link.api.proxy(self.link.proxy)
        gone = [one for one in self.toxics if not any(one.says(there) for there in now.toxics)]
        if not gone:
            return ""
        there = next((each for each in now.toxics if each.name == gone[0].name), None)
        if there is None:
            return f"Toxiproxy has no {gone[0].type} on it any more"
        return f"Toxiproxy has {_attributes(there)} on it, not {_attributes(gone[0])}"

    async def heal(self) -> None:
        for toxic in self.toxics:
            await self.link.remove_toxic(toxic.name)


def on_streams(name: str, kind: str, direction: object, **attributes: int) -> list[Toxic]:
    """Return the toxic for one stream of a link, or for both."""
    return [
        Toxic(f"{name}-{stream}", kind, stream, attributes=attributes) for stream in STREAMS[str(direction)]
    ]


def _attributes(toxic: Toxic) -> str:
    values = ", ".join(f"{name} {value}" for name, value in toxic.attributes.items())
    return f"{toxic.type} ({values or 'nothing'})"
