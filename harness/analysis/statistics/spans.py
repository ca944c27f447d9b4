"""Stretches of time [start, end) in nanoseconds, as sorted lists without overlaps."""

from collections.abc import Iterable

Span = tuple[int, int]

FOREVER = 2**62


def union(spans: Iterable[Span]) -> list[Span]:
    """Sort the spans, join those that touch, and drop empty ones."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def common(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """The time in both lists."""
    others = union(right)
    return union((max(a, c), min(b, d)) for a, b in union(left) for c, d in others)


def without(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """The time in the left list that is not in the right one."""
    edges = [edge for span in union(right) for edge in span]
    gaps = zip([-FOREVER, *edges[1::2]], [*edges[::2], FOREVER], strict=True)
    return common(left, gaps)


def meets(one: Span, others: Iterable[Span]) -> bool:
    """Whether a stretch has time in common with any of the others."""
    start, end = one
    return any(other[0] < end and start < other[1] for other in others)


def length_ns(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)
