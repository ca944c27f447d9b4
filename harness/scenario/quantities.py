"""Types for the quantities in scenarios; they check their values when text from outside is parsed."""

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
    """The size of an open load: arrivals per second."""

    per_s: float


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waiting times that double, from the first up to a limit."""

    first_s: float
    most_s: float


def _backoff(value: object) -> Backoff:
    if isinstance(value, Backoff):
        return value
    first, dots, most = str(value).partition("..")
    if not dots:
        raise ValueError(
            f"{units.said(value)} is not a range of waiting times; write the first and the longest, such as 100ms..2s"
        )
    backoff = Backoff(units.duration_s(first.strip()), units.duration_s(most.strip()))
    if not 0 < backoff.first_s <= backoff.most_s:
        raise ValueError(
            f"{units.said(value)} should be above zero, and the second time not shorter than the first"
        )
    return backoff


def _budget(value: object) -> float | None:
    """The part of a retry that each call earns; None when there is no limit (`none`)."""
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
    """Parse a number of users (50: closed load) or a rate (500/s: open load)."""
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
