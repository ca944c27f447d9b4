"""The recorder: one number and one row for every call, in memory that was allocated beforehand.

    seq = recorder.begin(intended_ns)      the call has started and must end; it is counted where the count
                                               outlives a killed worker (harness.run_directory.started_calls)
    recorder.end(seq, ...)                 its row

A row is packed in one call, which costs a third of writing its columns one by one; a block turns rows to
columns. Blocks are written to the worker's spool when a block is full and twice a second. After a write has
failed, `failed` says why, and nothing more is written, since the texts of the lost block are missing. Calls
are still numbered, so that the gap shows; the run ends in order, and its verdict is unknown.
Text is bounded: `detail` is cut at 160 characters and after 1,000 different ones becomes "(other)".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Protocol

from msgspec import structs

from harness.foundation.secrets.hiding import hide_cut
from harness.load.inside import native
from harness.run_directory import started_calls
from harness.run_directory.schema import NUMBERS, ORDER, TEXTS
from harness.run_directory.spool import Block, Gauges, Sink, write_block

BLOCK_ROWS = 32_768
DETAIL_CHARS_MAX = 160
DETAILS_MAX = 1_000
_TYPECODES = {name: "i" if name in TEXTS else NUMBERS[name] for name in ORDER}
_ROW = Struct("=" + "".join(_TYPECODES.values()))


@dataclass(slots=True)
class Vocabulary:
    """Maps texts to small numbers; remembers which are new since the last block."""

    codes: dict[str, int] = field(default_factory=dict)
    count: int = 0  # of different texts; texts that differ only in a secret count as one
    fresh: list[str] = field(default_factory=list)

    def code(self, text: str) -> int:
        number = self.codes.get(text)
        if number is not None:
            return number
        if len(self.codes) > DETAILS_MAX:
            text = "(other)"
            if text in self.codes:
                return self.codes[text]
        shown = hide_cut(text)
        if shown not in self.codes:
            self.codes[shown] = self.count
            self.fresh.append(shown)
            self.count += 1
        self.codes[text] = self.codes[shown]
        return self.codes[text]


class _Beside(Protocol):
    """Calls that are begun and recorded elsewhere, in the same memory."""

    def open_calls(self) -> tuple[int, int | None]:
        """Return how many are open, and the oldest intended start."""
        ...


@dataclass(slots=True)
class Ledger:
    """The counts of calls and rows; in C where the fast lane packs rows too (`harness.load.inside.native`)."""

    started: int = 0
    recorded: int = 0  # rows of all blocks
    rows: int = 0  # of this block


class Recorder:
    """Records one worker's rows.

    Not shared between processes. gevent does not switch greenlets within `end`.
    """

    def __init__(
        self,
        spool: Sink,
        worker: int,
        gauges: Callable[[], Gauges],
        counter: memoryview | None = None,
    ) -> None:
        self.worker = worker
        self._counter = started_calls.in_memory() if counter is None else counter
        self._gauges = gauges
        self.failed = ""
        self.open: dict[int, int] = {}
        self.beside: _Beside | None = None
        self._spool = spool
        self._block = 0
        # Imported late: plain `locust -f` records nothing, and its run time includes all imports.
        import numpy as np

        self._packed = bytearray(BLOCK_ROWS * _ROW.size)
        self._table = np.frombuffer(self._packed, np.dtype(list(_TYPECODES.items())))  # the same memory
        self._vocabularies = {name: Vocabulary() for name in TEXTS}
        wire = native.chosen().wire
        self.ledger: Any = (
            Ledger() if wire is None else wire.Ledger(self._packed, self._counter, worker, _ROW.size)
        )

    @property
    def started(self) -> int:
        """How many calls have begun."""
        return self.ledger.started  # type: ignore[no-any-return]

    @property
    def recorded(self) -> int:
        """How many of them have their row."""
        return self.ledger.recorded  # type: ignore[no-any-return]

    def begin(self, intended_ns: int) -> int:
        """Return the number of a new call; it must get a row."""
        ledger = self.ledger
        seq: int = ledger.started
        ledger.started = self._counter[0] = seq + 1
        self.open[seq] = intended_ns
        return seq

    def code(self, column: str, text: str) -> int:
        """Return the code of a text, for callers that use the same one often."""
        return self._vocabularies[column].code(text)

    def end(
        self,
        seq: int,
        sent_ns: int,
        first_byte_ns: int,
        done_ns: int,
        user_class: int,
        operation: int,
        transport: int,
        outcome: str,
        detail: str,
        status: int,
        code: int,
        user: int,
        session: int,
        bytes_out: int,
        bytes_in: int,
        reused: int,
    ) -> None:
        """Add the row of call `seq`, in the order of the schema; texts that repeat are given as codes."""
        ledger = self.ledger
        row = ledger.rows
        vocabularies = self._vocabularies
        _ROW.pack_into(
            self._packed,
            row * _ROW.size,
            seq,
            self.open.pop(seq),
            sent_ns,
            first_byte_ns,
            done_ns,
            user_class,
            operation,
            transport,
            vocabularies["outcome"].code(outcome),
            vocabularies["detail"].code(detail[:DETAIL_CHARS_MAX] if detail else ""),
            status,
            code,
            user,
            session,
            self.worker,
            bytes_out,
            bytes_in,
            reused,
        )
        ledger.rows = row + 1
        ledger.recorded += 1
        if row + 1 == BLOCK_ROWS:
            self.flush()

    def flush_if_full(self) -> None:
        """Write the block if it has no room left."""
        if self.ledger.rows == BLOCK_ROWS:
            self.flush()

    def flush(self, *, last: bool = False) -> None:
        """Write one block, even without rows, since it carries the gauges."""
        if self.failed:
            self.ledger.rows = 0
            return
        rows = self.ledger.rows
        table = self._table[:rows]
        gauges = self._gauges()
        # Arrivals that wait for a session will have a row, too. In open load calls do not begin in the order
        # of their times.
        beside, beside_ns = self.beside.open_calls() if self.beside is not None else (0, None)
        if beside_ns is None:
            beside_ns = gauges.oldest_open_ns
        block = Block(
            worker=self.worker,
            block=self._block,
            rows=rows,
            texts={name: words.fresh for name, words in self._vocabularies.items() if words.fresh},
            columns={name: table[name].tobytes() for name in ORDER},
            gauges=structs.replace(
                gauges,
                started=self.started,
                recorded=self.recorded,
                open_calls=len(self.open) + beside,
                oldest_open_ns=min([gauges.oldest_open_ns, beside_ns, *self.open.values()]),
                last=last,
            ),
        )
        self._block += 1
        self.ledger.rows = 0
        for words in self._vocabularies.values():
            words.fresh = []
        try:
            write_block(self._spool, block)
        except OSError as error:
            self.failed = error.strerror or str(error)

    def close(self) -> None:
        self._spool.close()
