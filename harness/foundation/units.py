"""Text with a unit to a plain number, and back: the only place where units are converted.

Inside the program a number's name carries its unit (`hold_s`, `latency_ms`, `done_ns`).
Outside, people write `30s`, `200ms`, `64KB/s`, `500/s`, `95%`.
"""

import re

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
MS_PER_S = 1000

DURATION_S_MOST = 366 * 86_400.0
ECHO_MOST = 60

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]+)?)"  # none that is infinite
_PART = re.compile(_NUMBER + r"(ns|us|ms|s|m|h|d)")


class UnitError(ValueError):
    """The text is not a quantity of the kind asked for; the message says what would be."""


def said(text: object) -> str:
    """Quote the user's text; a long one is only counted, because a secret that was cut is not recognised."""
    whole = str(text)
    if len(whole) > ECHO_MOST:
        return f"a text of {len(whole):,} characters"
    return repr(text)


def duration_s(text: str | float) -> float:
    """Parse `30s`, `1m30s` or `200ms` into seconds. A number without a unit is refused."""
    compact = str(text).replace(" ", "")
    if not re.fullmatch(rf"(?:{_PART.pattern})+", compact):
        hint = f", for example {compact}s" if re.fullmatch(_NUMBER, compact) else ""
        raise UnitError(
            f"{said(text)} is not a duration; write a number with a unit, such as 200ms, 30s or 5m{hint}"
        )
    total_s = sum(float(number) * SECONDS[unit] for number, unit in _PART.findall(compact))
    if total_s > DURATION_S_MOST:
        raise UnitError(f"{said(text)} is longer than a year; write a shorter time, such as 8h")
    return total_s


def share(text: str | float) -> float:
    """Parse `95%` or `0.95` into a share of one."""
    match = re.fullmatch(_NUMBER + r"\s*(%?)", str(text).strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if not 0 <= value <= 1:
        raise UnitError(f"{said(text)} is not a share; write a percentage such as 95%")
    return value


def rate_per_s(text: str | float) -> float:
    """Parse `500/s` or `30/m` into a number per second."""
    match = re.fullmatch(_NUMBER + r"\s*/\s*(s|m|h)", str(text).strip())
    if not match or float(match[1]) == 0:
        raise UnitError(f"{said(text)} is not a rate; write a number per unit of time, such as 500/s")
    return float(match[1]) / SECONDS[match[2]]


def size_bytes(text: str | float) -> int:
    """Parse `64KB` or `1MiB` into bytes."""
    match = re.fullmatch(_NUMBER + r"\s*([A-Za-z]+)", str(text).strip())
    if not match or match[2] not in BYTES:
        raise UnitError(f"{said(text)} is not a size; write a number with a unit, such as 64KB or 1MiB")
    return int(float(match[1]) * BYTES[match[2]])


def bytes_per_s(text: str | float) -> float:
    """Parse `64KB/s` into bytes per second."""
    size, slash, unit = str(text).strip().rpartition("/")
    try:
        if slash and unit.strip() == "s":
            return float(size_bytes(size))
    except UnitError:
        pass
    raise UnitError(f"{said(text)} is not a rate of bytes; write a size a second, such as 64KB/s")


def show_duration(seconds: float) -> str:
    """The shortest exact way a person would write it: 90 -> 1m30s, 0.25 -> 250ms."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    whole, rest = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(whole), 60)
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest:g}s" if rest else ""]
    return "".join(parts) or "0s"


def show_bytes(count: float) -> str:
    """Format a number of bytes: 1234567 -> 1.2 MB."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def show_percent(value: float) -> str:
    """Format a share: 0.9995 -> 99.95%. Less than one never becomes 100%: 0.99999 -> 99.99%."""
    percent = int(value * 10_000) / 100
    return f"{percent:g}%" if percent != 100 or value == 1 else "99.99%"
