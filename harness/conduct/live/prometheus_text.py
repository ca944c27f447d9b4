"""The text format of Prometheus, version 0.0.4: families of samples, written as one page.

    # HELP harness_calls_total Calls that ended.
    # TYPE harness_calls_total counter
    harness_calls_total{operation="initialize",outcome="ok"} 12

A family without a sample is left out: a value that is unknown is absent, and not zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from harness.foundation.secrets.hiding import hide

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """The samples of one name; those of a histogram have suffixes."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    samples: Sequence[tuple[str, Labels, float]]


def family(
    name: str, kind: Literal["counter", "gauge"], about: str, samples: Iterable[tuple[Labels, float | None]]
) -> Family:
    """Return a counter or gauge; samples that are None are unknown, and left out."""
    return Family(name, kind, about, [("", labels, value) for labels, value in samples if value is not None])


def page(families: Iterable[Family]) -> str:
    """Return the page with all families."""
    return hide("".join(f"{line}\n" for one in families if one.samples for line in _lines(one)))


def _lines(one: Family) -> Iterable[str]:
    yield f"# HELP {one.name} {one.about}"
    yield f"# TYPE {one.name} {one.kind}"
    for suffix, labels, value in one.samples:
        yield f"{one.name}{suffix}{_braced(labels)} {value:.12g}"


def _braced(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
