"""Count the bytes of replies that are incomplete or in use, with one bound for all connections of a process.

    one piece          what a connection has just read (64 KB at most): not counted
    two and more       counted, byte by byte, until nobody holds what was made of them any more

Beyond the bound a reply is given up. The server is not to blame, because it may send each client as much as
it sends one. So the outcome is `not_held`, and a run with any such call is unknown.
"""

from typing import Final

HELD_BYTES_MAX: Final = 96_000_000


class NoRoomError(Exception):
    """All connections together already hold as many bytes as they may."""


class Share:
    """The bytes that one connection holds; given back when the last reference to this object goes."""

    __slots__ = ("size",)
    of_all: list[int] = [0]  # noqa: RUF012 - one for a process, as its memory is

    def __init__(self) -> None:
        self.size = 0

    def resize(self, size: int) -> None:
        """Set the number of bytes held; shrinking always works. NoRoomError beyond the common bound."""
        more = size - self.size
        if more > 0 and self.of_all[0] + more > HELD_BYTES_MAX:
            raise NoRoomError
        self.of_all[0] += more
        self.size = size

    def __del__(self) -> None:
        self.of_all[0] -= self.size


class HeldBytes(bytearray):
    """A buffer of joined pieces, counted in a `Share`."""

    __slots__ = ("_share",)

    def __init__(self, first: bytes | bytearray) -> None:
        self._share = Share()
        self._share.resize(len(first))
        super().__init__(first)

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        """Append one piece."""
        self._share.resize(len(self) + len(piece))
        self.extend(piece)


def joined(before: bytes | bytearray, piece: bytes | bytearray | memoryview) -> bytes | bytearray:
    """Join two pieces; when there is nothing before it, the first piece is only copied."""
    if not before:
        return bytes(piece)
    held = before if isinstance(before, HeldBytes) else HeldBytes(before)
    held.add(piece)
    return held
