"""A strict reader of Prometheus' text format: what Prometheus itself would refuse or misread is an error here.

    families("...")["harness_calls_total"].value(outcome="ok")

HELP and TYPE come before the samples of their family, which stand together; no sample comes twice; a counter ends with
_total; the buckets of a histogram grow to +Inf, which is its count.
"""

import math
import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"({NAME})(?:\{{(.*)\}})? (\S+)")
LABEL = re.compile(rf'({NAME})="((?:[^"\\]|\\["\\n])*)"(?:,|$)')
UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
Labels = frozenset[tuple[str, str]]


@dataclass
class Family:
    """One name, and what was sampled of it."""

    kind: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def values(self, suffix: str = "", **labels: str) -> list[float]:
        """Of all samples with these labels, and others."""
        return [
            value
            for (end, found), value in self.samples.items()
            if end == suffix and found >= {*labels.items()}
        ]

    def value(self, suffix: str = "", **labels: str) -> float:
        (value,) = self.values(suffix, **labels)
        return value

    def labels(self, name: str) -> set[str]:
        return {value for _, labels in self.samples for label, value in labels if label == name}


def families(text: str) -> dict[str, Family]:
    """The page by name."""
    found: dict[str, Family] = {}
    helped, now = "", ""
    assert text.endswith("\n")
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            assert helped not in found
        elif line.startswith("# TYPE "):
            _, _, now, kind = line.split(" ")
            assert now == helped
            assert kind in {"counter", "gauge", "histogram"}
            assert now.endswith("_total") == (kind == "counter")
            found[now] = Family(kind)
        else:
            _read(line, now, found[now])
    for one in found.values():
        assert one.samples
        if one.kind == "histogram":
            _check_histogram(one)
    return found


def _read(line: str, name: str, into: Family) -> None:
    match = SAMPLE.fullmatch(line)
    assert match is not None, line
    full, inside, value = match.groups()
    suffix = full.removeprefix(name)
    assert full.startswith(name)
    assert suffix in ({"_bucket", "_sum", "_count"} if into.kind == "histogram" else {""})
    pairs = LABEL.findall(inside or "")
    assert "".join(f'{label}="{text}",' for label, text in pairs) == (f"{inside}," if inside else "")
    labels = frozenset((label, re.sub(r"\\.", lambda m: UNESCAPED[m[0]], text)) for label, text in pairs)
    assert len(labels) == len({label for label, _ in pairs}) == len(pairs)
    assert (suffix, labels) not in into.samples
    assert math.isfinite(float(value))
    assert into.kind == "gauge" or float(value) >= 0
    into.samples[suffix, labels] = float(value)


def _check_histogram(one: Family) -> None:
    ladders: dict[Labels, list[tuple[float, float]]] = {}
    for (suffix, labels), value in one.samples.items():
        if suffix == "_bucket":
            (bound,) = (text for label, text in labels if label == "le")
            rest = frozenset(pair for pair in labels if pair[0] != "le")
            ladders.setdefault(rest, []).append((float(bound), value))
    for labels, ladder in ladders.items():
        assert ladder == sorted(ladder)
        assert [count for _, count in ladder] == sorted(count for _, count in ladder)
        assert ladder[-1] == (math.inf, one.samples["_count", labels])
        assert ("_sum", labels) in one.samples
