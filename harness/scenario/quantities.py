"""The quantities that scenarios are written in, as types that check themselves where outside text comes in."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from harness.foundation import units

STRICT = ConfigDict(extra="forbid")
MAX_USERS = 100_000
MAX_PER_S = 1_000_000
INTERVAL_S_LEAST = 0.1


@dataclass(frozen=True, slots=True)
class Rate:
    """Arrivals a second: the size of an open load."""

    per_s: float


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double, from the first to a limit."""

    first_s: float
    most_s: float


def _backoff(value: object) -> Backoff:
    if isinstance(value, Backoff):
        return value
    first, dots, most = str(value).partition("..")
    if not dots:
        raise ValueError(
            f"{units.said(value)} is no range of waits; write the first and the longest, such as 100ms..2s"
        )
    found = Backoff(units.duration_s(first.strip()), units.duration_s(most.strip()))
    if not 0 < found.first_s <= found.most_s:
        raise ValueError(f"{units.said(value)} should begin above zero, and not end before it begins")
    return found


def _budget(value: object) -> float | None:
    """What a call earns; `none` is no limit."""
    if value is None or value == "none":
        return None
    share = units.share(str(value))
    if share == 0:
        raise ValueError("must be more than zero; leave retries out to have none, or say none for no limit")
    return share


def _rate(value: object) -> Rate:
    rate = value if isinstance(value, Rate) else Rate(units.rate_per_s(str(value)))
    if rate.per_s > MAX_PER_S:
        raise ValueError(f"should be at most {MAX_PER_S:,}/s (got {units.said(value)})")
    return rate


def _size(value: object) -> int | Rate:
    """A number of users (50), or a rate (500/s): which of them decides what kind of load it is."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,15}", value):
        return _rate(value)
    if isinstance(value, Rate):
        return value
    if not isinstance(value, int | str) or isinstance(value, bool):
        raise ValueError(f"{units.said(value)} is neither a number of users (50) nor a rate (500/s)")  # noqa: TRY004 - pydantic's
    if not 1 <= int(value) <= MAX_USERS:
        raise ValueError(f"should be from 1 to {MAX_USERS:,} users (got {units.said(value)})")
    return int(value)


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than zero")
    return value


Duration = Annotated[float, BeforeValidator(units.duration_s)]


def _no_instant(value: float) -> float:
    if value < INTERVAL_S_LEAST:
        raise ValueError(f"should be at least {units.show_duration(INTERVAL_S_LEAST)}")
    return value


PositiveDuration = Annotated[float, BeforeValidator(units.duration_s), AfterValidator(_positive)]
Interval = Annotated[float, BeforeValidator(units.duration_s), AfterValidator(_no_instant)]
Backoffs = Annotated[Backoff, BeforeValidator(_backoff)]
Budget = Annotated[float | None, BeforeValidator(_budget)]
Share = Annotated[float, BeforeValidator(units.share)]
Users = Annotated[int, Field(ge=1, le=MAX_USERS)]
Count = Annotated[int, Field(ge=1)]
Size = Annotated[int | Rate, BeforeValidator(_size)]
PerSecond = Annotated[Rate, BeforeValidator(_rate)]
For = Annotated[float, BeforeValidator(units.duration_s), AfterValidator(_positive), Field(alias="for")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
