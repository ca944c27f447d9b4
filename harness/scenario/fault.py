"""A fault as a frozen value, and how it is read from text, by the catalogue.

    {name: slow-db, at: steady+60s, for: 20s, link: database, fault: latency, latency: 200ms, jitter: 50ms}

On the command line the same is `--fault latency:name=slow-db,at=steady+60s,for=20s,link=database,latency=200ms`.
For `kill` and `pause`, the place may be a process of this machine: `pid: 1234` instead of `link`.
`at` is a time from the start of the run (`10s`), a load step (`steady`), or a time from the start of one
(`steady+60s`). A name that is left out is the kind's (with its `how`, where there is one: `rude-expired`).
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from harness.foundation.units import UnitError, bytes_per_s, duration_s, said, size_bytes
from harness.scenario.catalogue import ALSO_CALLED, FAULTS, PID, PROXIED_LINKS, FaultKind, Parameter

FIXED = ("name", "at", "for", "link", "fault")
MORE_THAN_ZERO = {
    "bandwidth": ("rate",),
    "slow_close": ("delay",),
    "slicer": ("size", "pause"),
    "limit_data": ("bytes",),
    "rude": ("clients", "every", "size"),
}
FAULTS_MOST, NAME_CHARS = 500, 100
CLIENTS_MOST, EVERY_S_LEAST, ACTS_PER_S_MOST, BYTES_PER_S_MOST = 1_000, 0.01, 1_000, 100_000_000


def _count(text: Any) -> float:
    if not re.fullmatch(r"[0-9]{1,15}", str(text)):
        raise UnitError(f"{said(text)} is not a number; write a whole one, such as 20")
    return float(text)


_READ: dict[str, Callable[[Any], float]] = {
    "duration": duration_s,
    "size": size_bytes,
    "rate": bytes_per_s,
    "count": _count,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """One fault: what, where, when (from the run's start, or from that of a load step), for how long."""

    name: str
    kind: str
    link: str
    step: str | None  # None: `offset_s` counts from the start of the run
    offset_s: float
    for_s: float
    parameters: dict[str, float | str]


def read_faults(data: object, own: Collection[str] = ()) -> object:
    """The `faults` of a scenario, with links of its own; ValueError names the key that is wrong."""
    if not isinstance(data, list):
        raise ValueError("is a list of faults")  # noqa: TRY004 - pydantic reports ValueErrors
    if len(data) > FAULTS_MOST:
        raise ValueError(f"has {len(data):,} faults; {FAULTS_MOST:,} are the most")
    faults = [_read(one, f"[{number}]", own) for number, one in enumerate(data)]
    for name, times in Counter(fault.name for fault in faults).items():
        if times > 1:
            raise ValueError(f"two faults are called {name!r}; give each its own name")
    return faults


def _read(data: object, path: str, own: Collection[str]) -> FaultSpec:
    if not isinstance(data, Mapping):
        raise ValueError(f"{path}: is a mapping with fault, at and for")  # noqa: TRY004 - as above
    kind = str(data.get("fault", ""))
    if kind not in FAULTS:
        raise ValueError(f"{path}.fault: {_unknown(kind, 'fault', FAULTS)}")
    known = FAULTS[kind]
    keys = [*FIXED, *(["pid"] if known.pids else []), *known.parameters]
    for key in data:
        if key not in keys:
            raise ValueError(f"{path}.{str(key)[:NAME_CHARS]}: {_unknown(str(key), f'key of {kind}', keys)}")
    for key in ("at",) if known.momentary else ("at", "for"):
        if key not in data:
            raise ValueError(f"{path}.{key}: is missing")
    link = _link(data, known, path, own)
    step, offset_s = _anchor(str(data["at"]), f"{path}.at")
    for_s = _duration(data.get("for", "0s"), f"{path}.for")
    if for_s <= 0 and not known.momentary:
        raise ValueError(f"{path}.for: must be more than zero")
    name = str(data.get("name") or "-".join(filter(None, (kind, str(data.get("how", ""))))))
    if len(name) > NAME_CHARS or not name.isprintable():
        raise ValueError(
            f"{path}.name: {said(name)} is not a name of at most {NAME_CHARS} printable characters"
        )
    return FaultSpec(
        name=name,
        kind=kind,
        link=link,
        step=step,
        offset_s=offset_s,
        for_s=for_s,
        parameters=_parameters(kind, data, path),
    )


def _link(data: Mapping[Any, Any], known: FaultKind, path: str, own: Collection[str]) -> str:
    """The place of the fault: the name of a link, or `pid:1234` for a process of this machine."""
    if "pid" in data:
        if "link" in data:
            raise ValueError(f"{path}.pid: a fault has one place: leave out link")
        number = str(data["pid"])
        if not re.fullmatch(r"[0-9]{1,15}", number):
            raise ValueError(f"{path}.pid: {said(number)} is no pid")
        return f"{PID}{int(number)}"
    link = str(data.get("link", known.links[0]))
    links = [*own, *known.links] if known.links == PROXIED_LINKS else known.links
    if link not in links:
        raise ValueError(f"{path}.link: {_unknown(link, 'link', links, ALSO_CALLED)}")
    return link


def _parameters(kind: str, data: Mapping[Any, Any], path: str) -> dict[str, float | str]:
    parameters = {
        name: _value(data.get(name), one, f"{path}.{name}") for name, one in FAULTS[kind].parameters.items()
    }
    if kind == "latency" and float(parameters["jitter"]) > float(parameters["latency"]):
        raise ValueError(f"{path}.jitter: is more than the latency itself")
    for name in MORE_THAN_ZERO.get(kind, ()):
        if float(parameters[name]) <= 0:
            raise ValueError(f"{path}.{name}: must be more than zero")
    if kind == "rude":
        _check_rude(parameters, path)
        if parameters["how"] != "oversized":
            del parameters["size"]  # the other manners have no size
    return parameters


def _check_rude(parameters: Mapping[str, float | str], path: str) -> None:
    """Limit the rude clients: they run in this process, and too many would disturb the measurement itself."""
    clients, every_s = float(parameters["clients"]), float(parameters["every"])
    if clients > CLIENTS_MOST:
        raise ValueError(f"{path}.clients: at most {CLIENTS_MOST:,}")
    if every_s < EVERY_S_LEAST or clients / every_s > ACTS_PER_S_MOST:
        raise ValueError(
            f"{path}.every: is too short; at most {ACTS_PER_S_MOST:,} actions a second by all clients"
        )
    if parameters["how"] == "oversized" and clients * float(parameters["size"]) / every_s > BYTES_PER_S_MOST:
        raise ValueError(
            f"{path}.size: is too much for {clients:.0f} clients every {every_s:g}s; at most 100 MB a second in all"
        )


def from_flag(text: str) -> dict[str, str]:
    """Turn the flag `latency:latency=200ms,at=10s,for=5s` into the mapping that a scenario would hold."""
    kind, _, rest = text.partition(":")
    data: dict[str, str] = {"fault": kind.strip()}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{said(part)} is not key=value")
        data[key.strip()] = value.strip()
    return data


def _anchor(text: str, path: str) -> tuple[str | None, float]:
    step, plus, offset = (piece.strip() for piece in text.partition("+"))
    try:
        return None, duration_s(text)
    except UnitError:
        if text[:1].isdigit():
            raise ValueError(
                f"{path}: {said(text)} is no time; write 10s, or STEP+10s with the name of a load step"
            ) from None
    return step, _duration(offset, path) if plus else 0.0


def _value(given: object, parameter: Parameter, path: str) -> float | str:
    text = parameter.default if given is None else given
    if text is None:
        choices = f": {', '.join(parameter.choices)}" if parameter.choices else ""
        raise ValueError(f"{path}: is missing ({parameter.meaning}{choices})")
    if parameter.kind != "choice":
        return _quantity(_READ[parameter.kind], text, path)
    if text not in parameter.choices:
        raise ValueError(f"{path}: {_unknown(str(text), 'choice', parameter.choices)}")
    return str(text)


def _duration(text: Any, path: str) -> float:
    return _quantity(duration_s, text, path)


def _quantity(read: Callable[[Any], float], text: Any, path: str) -> float:
    try:
        return float(read(text))
    except UnitError as error:
        raise ValueError(f"{path}: {error}") from error


def _unknown(
    word: str, what: str, known: Collection[str], also: Mapping[str, Collection[str]] = MappingProxyType({})
) -> str:
    """An error text with the nearest known name, found by its synonyms or else by its spelling."""
    called = [name for name in known if word.lower() in also.get(name, ())]
    close: Sequence[str] = called or difflib.get_close_matches(word[:NAME_CHARS], list(known), 1)
    return f"unknown {what} {said(word)}; " + (
        f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    )
