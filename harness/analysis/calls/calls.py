"""The samples as plain columns, sorted by intended start; all figures are computed from them.

Definitions: a call is `OK`, `FAILED` or `NEITHER` (harness.mcp.outcome); an outcome that is not known here
counts as failed, never as a success. Response time is done - intended, service time is done - sent.
A call belongs to a window by its intended start, so `between` is a slice and copies nothing.
The *calls of the load* (`of_load`) leave out the rows of the protocol (harness.mcp.operations), but for openings that
failed: each of them stands for the call that it was made for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.mcp import operations, outcome
from harness.run_directory.schema import RETRIED

OK: Final = 0
FAILED: Final = 1
NEITHER: Final = 2

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[Any]

TEXTS: Final = ("outcome", "detail", "operation", "user_class", "transport")
NUMBERS: Final = (
    "intended_ns",
    "sent_ns",
    "done_ns",
    "user",
    "session",
    "worker",
    "bytes_in",
    "bytes_out",
    "reused",
)
COLUMNS: Final = (*NUMBERS, *TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Columns of equal length; text columns hold codes into `names`."""

    intended_ns: Ints
    sent_ns: Ints
    done_ns: Ints
    kind: npt.NDArray[np.int8]
    outcome: Codes
    detail: Codes
    operation: Codes
    user_class: Codes
    transport: Codes
    user: Codes
    session: Codes
    worker: Codes
    bytes_in: Codes
    bytes_out: Codes
    reused: Codes
    names: dict[str, list[str]]

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "Calls":
        """Make the columns from a data frame of samples (harness.run_directory.samples)."""
        columns = {name: frame[name].to_numpy() for name in NUMBERS}
        names: dict[str, list[str]] = {}
        for name in TEXTS:
            text = frame[name].astype("category").cat
            columns[name], names[name] = text.codes.to_numpy(), [str(item) for item in text.categories]
        calls = cls(**columns, kind=kinds_of(frame["outcome"]), names=names)
        intended = calls.intended_ns
        if np.all(intended[1:] >= intended[:-1]):
            return calls
        return calls.take(np.argsort(intended, kind="stable"))

    def __len__(self) -> int:
        return len(self.intended_ns)

    def take(self, rows: Any) -> "Calls":
        """Select calls by indices, a mask or a slice, and keep that order."""
        picked = {item.name: getattr(self, item.name)[rows] for item in fields(self) if item.name != "names"}
        return replace(self, **picked)

    def between(self, start_ns: int, end_ns: int) -> "Calls":
        """The calls whose intended start lies in [start, end)."""
        first, last = np.searchsorted(self.intended_ns, (start_ns, end_ns))
        return self.take(slice(int(first), int(last)))

    def ended(self, start_ns: int, end_ns: int) -> "Calls":
        """The calls that ended in [start, end), whenever they began."""
        return self.take((self.done_ns >= start_ns) & (self.done_ns < end_ns))

    def of_operation(self, name: str) -> "Calls":
        """The calls of one operation."""
        known = self.names["operation"]
        return self.take(self.operation == (known.index(name) if name in known else len(known)))

    def of_load(self) -> "Calls":
        """The calls of the load."""
        inside = in_load(self.operation, self.names["operation"], self.kind)
        return self if inside.all() else self.take(inside)

    def count(self, kind: int) -> int:
        return int(np.count_nonzero(self.kind == kind))

    def decided(self) -> int:
        """The number of calls that were ok or failed."""
        return self.count(OK) + self.count(FAILED)

    def of_outcome(self, name: str) -> int:
        """The number of calls that ended with this outcome."""
        known = self.names["outcome"]
        return int(np.count_nonzero(self.outcome == known.index(name))) if name in known else 0

    def retried(self) -> npt.NDArray[np.bool_]:
        """A mask of the attempts that are retries."""
        codes = [code for code, name in enumerate(self.names["user_class"]) if name.endswith(RETRIED)]
        return np.isin(self.user_class, codes)

    def completed(self, start_ns: int, end_ns: int) -> int:
        """The number of ok calls that were completed in [start, end), whenever they began."""
        inside = (self.done_ns >= start_ns) & (self.done_ns < end_ns) & (self.kind == OK)
        return int(np.count_nonzero(inside))

    def response_ns(self) -> Ints:
        """The response times of the ok calls, in ns."""
        durations: Ints = (self.done_ns - self.intended_ns)[self.kind == OK]
        return durations

    def service_ns(self) -> Ints:
        """The service times of the ok calls, in ns."""
        durations: Ints = (self.done_ns - self.sent_ns)[self.kind == OK]
        return durations


def in_load(operation: Codes, names: Sequence[str], kind: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """A mask of the rows that are calls of the load; `operation` holds codes into `names`."""
    protocol = np.array(
        [*map(operations.is_protocol, names), False], dtype=np.bool_
    )  # a missing name has code -1
    opening = np.array([*(name in operations.OPENING for name in names), False], dtype=np.bool_)
    inside: npt.NDArray[np.bool_] = ~protocol[operation] | (opening[operation] & (kind == FAILED))
    return inside


def kinds_of(outcomes: "pd.Series[Any]") -> npt.NDArray[np.int8]:
    """Map each outcome to OK, FAILED or NEITHER."""
    text = outcomes.astype("category").cat
    # One more than the categories, so that a missing outcome (code -1) is a failure.
    kinds = np.array([*(_kind(str(name)) for name in text.categories), FAILED], dtype=np.int8)
    return kinds[text.codes.to_numpy()]


def _kind(name: str) -> int:
    if name == outcome.OK:
        return OK
    return NEITHER if name in outcome.NEITHER else FAILED
