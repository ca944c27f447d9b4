"""Read and write complete text frames of a WebSocket, without the machinery for all other kinds of frames.

    masked(text)        a frame as a client sends it
    unmasked(data)      the text, if `data` is exactly one frame of a server: final, unmasked, plain ASCII
    lacking(data, n)    how many bytes its last frame still lacks, if the frame before `data` lacked n

A message of JSON-RPC is nearly always such a frame, and arrives alone. Whatever is not goes through `websockets`.
"""

import os
from struct import pack, unpack_from
from typing import Final

from websockets.frames import apply_mask  # type: ignore[attr-defined]

FINAL_TEXT: Final = 0x81
MASKED: Final = 0x80
LOST: Final = -1  # a frame's head was cut in two: its length is not known


def masked(text: bytes) -> bytes:
    """Encode one text frame as a client sends it, with a random mask."""
    size, key = len(text), os.urandom(4)
    if size < 126:
        head = pack("!BB", FINAL_TEXT, MASKED | size)
    elif size < 65_536:
        head = pack("!BBH", FINAL_TEXT, MASKED | 126, size)
    else:
        head = pack("!BBQ", FINAL_TEXT, MASKED | 127, size)
    return head + key + bytes(apply_mask(text, key))


def unmasked(data: bytes) -> bytes | None:
    """The text of the frame, if the data is exactly one plain server frame; else None."""
    if len(data) < 2 or data[0] != FINAL_TEXT:
        return None
    start, size = 2, data[1]
    if size == 126 and len(data) >= 4:
        start, size = 4, data[2] << 8 | data[3]
        if size < 126:  # the long form of a short length
            return None
    elif size > 125:
        return None
    text = data[start:]
    return text if len(text) == size and text.isascii() else None


def lacking(data: bytes, before: int) -> int:
    """How many bytes of the last frame are still missing: 0 if it is complete, LOST if unknown."""
    at = before
    while 0 <= at < len(data):
        size = _frame_bytes(data, at)
        if size is None:
            return LOST
        at += size
    return at - len(data) if at >= 0 else LOST


def _frame_bytes(data: bytes, at: int) -> int | None:
    """The length of the frame that begins there, including its head; None when its head is incomplete."""
    left = len(data) - at
    if left < 2:
        return None
    size = data[at + 1] & 127
    mask = 4 if data[at + 1] & MASKED else 0
    if size < 126:
        return 2 + mask + size
    if left < (4 if size == 126 else 10):
        return None
    if size == 126:
        return 4 + mask + int(unpack_from("!H", data, at + 2)[0])
    return 10 + mask + int(unpack_from("!Q", data, at + 2)[0])
