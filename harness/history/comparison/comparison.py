"""A comparison as typed values: what compare.json holds (schema 1)."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from harness.history.comparison.gateway import GatewayCost
from harness.history.comparison.measured import ErrorKind

Word = Literal["regressed", "improved", "equivalent", "inconclusive", "not_comparable"]


class SideSaid(Struct, frozen=True, kw_only=True):
    """One side: its runs by name, how many, and what the user called it."""

    runs: tuple[str, ...]
    n: int
    label: str
    versions: tuple[str, ...]
    left_out: tuple[str, ...]  # runs that do not count, each with the reason


class Compared(Struct, frozen=True, kw_only=True):
    """One figure of both sides. `change` and `interval` are shares (+0.1 is ten percent more) where `ratio`, else differences."""

    of: str
    name: str
    unit: str
    a: float | None
    b: float | None
    ratio: bool
    change: float | None
    interval: tuple[float, float] | None  # 95 %
    gate: float | None  # a change beyond it matters
    p: float | None  # after Holm, for the whole comparison: below 0.05 is no chance
    word: Word
    may_be_worse: bool  # whether it can have become worse by more than its gate
    more_repeats: int | None  # a side, until there is a word; null: more than fifty, or nobody can say
    leading: bool


class Comparison(Struct, frozen=True, kw_only=True):
    """Two sides, figure by figure, and what follows from them."""

    schema: Literal[1]
    a: SideSaid
    b: SideSaid
    scenario: str
    order: str  # in which order the runs were made: together, in turn, apart, ...
    describes: bool  # only describes: no verdict was asked for
    figures: tuple[Compared, ...]
    errors_new: tuple[ErrorKind, ...]
    notes: tuple[str, ...]  # what else differs, and what disturbed runs
    verdict: Word
    why: tuple[str, ...]
    exit_code: int
    gateway: GatewayCost | UnsetType = UNSET  # with --gateway
