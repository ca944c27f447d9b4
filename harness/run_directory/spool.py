"""A worker's spool: numbered blocks of samples, appended to one file a worker.

    block = length (u32) crc32 (u32) msgpack {block, rows, texts, columns, gauges}

- Blocks are numbered from 0; a missing number is a lost block, and the run says so.
- `texts` maps each text column to the strings first used in this block; codes continue from block to block.
- `gauges` is the worker's report of its own state at that moment (see `Gauges`).
- A block that a crash cut off fails its length or checksum and ends the reading; the blocks before it count.
  Nothing in a block is trusted before its checksum has been checked.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import Any, Protocol

import msgspec

from harness.run_directory.appended_file import Appended

_HEADER = Struct("<II")
MAX_BLOCK_BYTES = 256 * 1024 * 1024


class Gauges(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's report of its own state when it writes a block."""

    at_ns: int
    started: int  # calls numbered so far
    recorded: int  # rows written so far, this block's among them
    open_calls: int  # started and not yet recorded
    oldest_open_ns: (
        int  # intended start of the oldest call that is open or waits, or at_ns when there is none
    )
    users: int
    cpu: float  # share of one core since the last block
    run_delay: float | None  # share of the time spent waiting for a processor; None where nobody tells
    read_ms: list[
        float
    ] = []  # how long replies were held before their users knew, sampled, since the last block
    held_us: float | None = None  # the same, on average
    added: list[int] = []  # of sampled calls: done, ns before at_ns, and what the generator added, us
    added_each: int = 0  # one call in so many was sampled; 0: no kernel time stamps
    added_others_us: float | None = None  # what it added on average to the sampled calls not listed
    lag_ms: list[float] = []  # scheduling lag probes since the last block
    files_open: int = 0
    files_max: int = 0  # 0: nobody said
    left: int = 0  # calls that a step by count has not begun yet
    arrived: int = 0  # arrivals of open load so far: given to a session, queued, or not sent
    overdue: int = 0  # arrivals whose time came more than a moment ago, and that nobody has looked at yet
    not_sent: list[int] = []  # intended starts of the arrivals since the last block that nobody took
    retries_refused: int = 0  # calls so far that were not tried again because their user's budget was empty
    noise: int = (
        0  # lines so far that processes of sessions wrote on their standard output, and that were no messages
    )
    last: bool = False  # the worker has ended in good order


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered block."""

    worker: int
    block: int
    rows: int
    texts: dict[str, list[str]]
    columns: dict[str, bytes]
    gauges: Gauges


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Block).decode


def spool_path(spool_dir: str | Path, worker: int) -> Path:
    """The spool file of one worker, whether that worker runs here or on another machine."""
    return Path(spool_dir) / f"worker-{worker}.spool"


class Sink(Protocol):
    """Where blocks are written: a local file or another machine. OSError: none of the data was taken."""

    def write(self, data: bytes) -> Any: ...

    def close(self) -> None: ...


SpoolFile = Appended  # a spool on this machine


def write_block(file: Sink, block: Block) -> int:
    """Append one block in a single write; returns the number of bytes."""
    body = _encode(block)
    data = _HEADER.pack(len(body), zlib.crc32(body)) + body
    file.write(data)
    return len(data)


def read_blocks(path: Path, offset: int = 0) -> Iterator[tuple[Block, int]]:
    """Yield complete blocks from `offset` on, each with the offset after it; stops at an incomplete one."""
    with path.open("rb") as file:
        file.seek(offset)
        while len(header := file.read(_HEADER.size)) == _HEADER.size:
            length, crc = _HEADER.unpack(header)
            if length > MAX_BLOCK_BYTES:
                return
            body = file.read(length)
            if len(body) < length or zlib.crc32(body) != crc:
                return
            offset += _HEADER.size + length
            yield _decode(body), offset
