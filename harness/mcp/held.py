"""What is held of replies that are not whole yet, or not done with: bounded for all connections of a process together.

    one piece          what a connection has just read (64 KB at most): not counted
    two and more       counted, byte by byte, until nobody holds what was made of them any more

Beyond the bound a reply is given up. That is no fault of its server, which may do as much for each of its clients as it
does for one: the outcome is `not_held`, and a run that has any is unknown.
"""

from typing import Final

HELD_BYTES_MAX: Final = 96_000_000


class NoRoomError(Exception):
    """All connections together hold as much as they may."""


class Share:
    """What one of them holds, given back with the last reference to it."""

    __slots__ = ("size",)
    of_all: list[int] = [0]  # noqa: RUF012 - one for a process, as its memory is

    def __init__(self) -> None:
        self.size = 0

    def resize(self, size: int) -> None:
        """It may always be less."""
        more = size - self.size
        if more > 0 and self.of_all[0] + more > HELD_BYTES_MAX:
            raise NoRoomError
        self.of_all[0] += more
        self.size = size

    def __del__(self) -> None:
        self.of_all[0] -= self.size


class HeldBytes(bytearray):
    """Pieces that were joined."""

    __slots__ = ("_share",)

    def __init__(self, first: bytes | bytearray) -> None:
        self._share = Share()
        self._share.resize(len(first))
        super().__init__(first)

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        """One more at its end."""
        self._share.resize(len(self) + len(piece))
        self.extend(piece)


def joined(before: bytes | bytearray, piece: bytes | bytearray | memoryview) -> bytes | bytearray:
    """Both; the first piece of all stays as it is."""
    if not before:
        return bytes(piece)
    held = before if isinstance(before, HeldBytes) else HeldBytes(before)
    held.add(piece)
    return held
