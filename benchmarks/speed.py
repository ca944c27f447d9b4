"""Calls a second of one core, memory a user, and latency added: the harness beside its peers, taking turns.

The rounds are interleaved, so that whatever else the machine does meets all of them, and a ratio is the median of
the rounds' ratios. `target busy` near 100 % says that a generator was held up by the server (wrk may be); processor
time a call, which is what is compared, does not grow by waiting.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from echo_target import Target, echo_target
from figures import Figure, Table
from generators import Measured, measure, missing

COLUMNS = (
    "generator",
    "calls/s of processor",
    "us a call",
    "calls/s",
    "harness is",
    "target busy",
    "median ms",
)
DELAY_MS = 20.0
NOTE = (
    "Medians. What a call really took the server counts itself, from the arrival of its bytes in the kernel to the "
    f"answer: {DELAY_MS:.0f} ms, and what a loaded server adds. Beyond that is the generator's own; at half its capacity the median of the rounds."
)
# Ours, theirs, at least: the call of a workload (`harness ramp --call`) and a user's own `self.call`, on the fast lane and off it.
LANES = (
    ("harness-workload", "harness-workload-python", 2.5),
    ("harness-workload", "wrk", 0.5),
    ("harness-workload", "k6", 6.0),
    ("harness-workload", "fasthttp", 9.0),
    ("harness", "harness-python", 1.5),
)
PAUSE_MS = 10.0  # on average, of the generator that is spread out


def json(rounds: int, seconds: float, users: int) -> Table:
    """Replies as JSON."""
    aims = {"fasthttp": 4.0, "k6": 3.5, "wrk": 0.3, "http": None, "aiohttp": None}
    return _ratios("json", "/mcp", "harness", aims, rounds, seconds, users, LANES)


def sse(rounds: int, seconds: float, users: int) -> Table:
    """Replies as a stream of one event."""
    return _ratios("sse", "/sse", "harness", {"fasthttp": 3.0}, rounds, seconds, users)


def websocket(rounds: int, seconds: float, users: int) -> Table:
    """Frames of a WebSocket."""
    return _ratios("websocket", "/ws", "harness-ws", {"websocket-client": 2.0}, rounds, seconds, users)


def memory(_rounds: int, seconds: float, users: int) -> Table:
    """Resident memory that a thousand users more take, all of them calling."""
    many = max(users * 20, 20)
    figures = []
    with echo_target() as target:
        for name, path, aim in (
            ("harness", "/mcp", 40.0),
            ("harness-ws", "/ws", 40.0),
            ("fasthttp", "/mcp", None),
        ):
            found = measure(name, target, path, many, seconds)
            told = f"a user of {many:,}, {name}"
            figures.append(Figure("memory", told, found.kb_a_user, "KB", at_most=aim))
    return Table(figures)


def latency(rounds: int, seconds: float, users: int) -> Table:
    """A server that takes 20 ms: what each generator measures beyond that, and ours at half its capacity."""
    with echo_target() as target:
        full = measure("harness", target, "/mcp", users, seconds)
    # By processor time: that is what a core can do, however long it had to wait for the server.
    half_users = max(1, round(full.calls_per_cpu_s / 2 * (DELAY_MS + PAUSE_MS) / 1000))
    names = [name for name in ("harness", "fasthttp", "aiohttp", "k6", "wrk") if name not in missing()]
    figures, rows = [], []
    with echo_target("-delay", f"{DELAY_MS}ms") as target:
        spread = [_beyond("harness-spread", target, half_users, seconds) for _ in range(rounds)]
        half = sorted(spread, key=lambda one: one.more_ms)[rounds // 2]
        told = f"harness, {half_users} users ({half.rate:,.0f} calls/s, half its capacity)"
        found = {told: half, **{f"{name}, alone": _beyond(name, target, 1, seconds) for name in names}}
    for label, one in found.items():
        aim = 0.3 if label == told else None
        figures.append(Figure("latency", label, one.more_ms, "ms more", at_most=aim))
        rows.append((label, f"{one.took_ms:.3f}", f"{one.measured_ms:.3f}", f"{one.more_ms:.3f}"))
    return Table(figures, ("generator", "took ms", "measured ms", "more"), rows, NOTE)


def _beyond(name: str, target: Target, users: int, seconds: float) -> "Beyond":
    target.took_ms()
    found = measure(name, target, "/mcp", users, seconds)
    return Beyond(found.calls / found.seconds, target.took_ms(), found.median_ms)


@dataclass(frozen=True)
class Beyond:
    """What a generator measured, beside what the server itself counted."""

    rate: float
    took_ms: float
    measured_ms: float

    @property
    def more_ms(self) -> float:
        return self.measured_ms - self.took_ms


def _ratios(
    part: str,
    path: str,
    ours: str,
    aims: Mapping[str, float | None],
    rounds: int,
    seconds: float,
    users: int,
    others: Sequence[tuple[str, str, float]] = (),
) -> Table:
    gone = missing()
    pairs = [pair for pair in others if not set(pair) & gone.keys()]
    names = list(
        dict.fromkeys([ours, *(n for n in aims if n not in gone), *(n for pair in pairs for n in pair[:2])])
    )
    found: dict[str, list[Measured]] = {name: [] for name in names}
    with echo_target() as target:
        for _ in range(rounds):
            for name in names:
                found[name].append(measure(name, target, path, users, seconds))
    figures = [
        Figure(part, f"times {name}", _ratio(found[ours], found[name]), "x", at_least=aims[name])
        for name in aims
        if name not in gone
    ]
    figures += [
        Figure(part, f"{one}: times {other}", _ratio(found[one], found[other]), "x", at_least=aim)
        for one, other, aim in pairs
    ]
    note = "; ".join(
        f"{name} is not installed ({how}): left out" for name, how in gone.items() if name in aims
    )
    return Table(figures, COLUMNS, [_row(name, found[name], found[ours]) for name in names], note)


def _ratio(ours: Sequence[Measured], theirs: Sequence[Measured]) -> float:
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(one.calls_per_cpu_s / other.calls_per_cpu_s for one, other in pairs)


def _row(name: str, found: Sequence[Measured], ours: Sequence[Measured]) -> Sequence[str]:
    speed = statistics.median(one.calls_per_cpu_s for one in found)
    return (
        name,
        f"{speed:,.0f}",
        f"{1e6 / speed:.1f}",
        f"{statistics.median(one.calls / one.seconds for one in found):,.0f}",
        f"{_ratio(ours, found):.2f} x",
        f"{statistics.median(one.target_busy for one in found):.0%}",
        f"{statistics.median(one.median_ms for one in found):.2f}",
    )
