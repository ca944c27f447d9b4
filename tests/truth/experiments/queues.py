"""Two queues whose response time has a formula: M/M/1 and M/M/4, at 60 and 70 % of what they can do.

    M/M/1   response is exponential: mean 1/(u - l), p95 ln(20)/(u - l)
    M/M/c   C = Erlang's formula for the share that waits; mean 1/u + C/(cu - l);
            P(T > t) = e^-ut (1 + C (1 - e^-ut(c-1-a)) / (c-1-a)), a = l/u

Calls of a queue depend on each other (who comes after a slow one is slow too), so what n of them may show is not told by n
alone: the allowed difference is what `SIMULATED` simulations of the same number of arrivals show, all but one in fifty on
either side, and 1 ms of the way. Beside it stands what the server measured for the same calls, where only the way is left.
"""

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.truth.rows import WAY_MS, Form, Row, between, exactly
from tests.truth.runs import load, serving

SIMULATED = 200
EDGE = 4  # of the simulated, on either side


@dataclass(frozen=True, slots=True)
class Queue:
    """Arrivals a second, the mean time of a call, servers."""

    name: str
    per_s: float
    takes_s: float
    servers: int

    @property
    def busy(self) -> float:
        """Servers at work, on average."""
        return self.per_s * self.takes_s

    def waits(self) -> float:
        """Erlang's C: the share of calls that wait."""
        a, c = self.busy, self.servers
        last = a**c / math.factorial(c) * c / (c - a)
        return last / (sum(a**k / math.factorial(k) for k in range(c)) + last)

    def mean_ms(self) -> float:
        return (self.takes_s + self.waits() / (self.servers / self.takes_s - self.per_s)) * 1000

    def above(self, t_s: float) -> float:
        """The share of calls that take longer."""
        rest = self.servers - 1 - self.busy
        alone = math.exp(-t_s / self.takes_s)
        return alone * (1 + self.waits() * (1 - math.exp(-t_s / self.takes_s * rest)) / rest)

    def p95_ms(self) -> float:
        low, high = 0.0, 1000 * self.takes_s
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if self.above(middle) > 0.05 else (low, middle)
        return low * 1000

    def simulated_ms(self, n: int, seed: int) -> tuple[float, float]:
        """Mean and p95 of n calls; the same number settles the queue before."""
        random, free, now = Random(seed), [0.0] * self.servers, 0.0
        took = []
        for call in range(n + n // 10):
            now += random.expovariate(self.per_s)
            answered = max(now, free[0]) + random.expovariate(1 / self.takes_s)
            heapq.heapreplace(free, answered)
            if call >= n // 10:
                took.append(answered - now)
        took.sort()
        return sum(took) / n * 1000, took[math.ceil(0.95 * n) - 1] * 1000


QUEUES = (Queue("M/M/1", 240, 0.0025, 1), Queue("M/M/4", 280, 0.010, 4))


def rows(form: Form) -> Iterator[Row]:
    for queue in QUEUES[1:] if form.short else QUEUES:
        yield from _queue(form, queue)


def _queue(form: Form, queue: Queue) -> Iterator[Row]:
    for_s = 3 if form.short else 25
    with serving("queueing", takes_s=queue.takes_s, servers=queue.servers) as server:
        run = load(
            form.out,
            server,
            "rate",
            "--rate",
            f"{queue.per_s}/s",
            "--for",
            f"{for_s}s",
            "--arrivals",
            "poisson",
        )
        record = server.record()
    step, table = run.step, run.step["latency_ms"]["response"]
    measured = record.took_ms(run.window_ns(step, record))
    n = len(measured)
    itself = {"mean": sum(measured) / n, "p95": measured[math.ceil(0.95 * n) - 1]}
    yield exactly(f"{queue.name}: calls that failed", 0, step["failed"])
    for word, own in itself.items():
        more = 1_000 if form.short else max(WAY_MS, 0.03 * own)
        yield between(
            f"{queue.name}: {word} beside the server's own", own, table[word], own * 0.97 - 0.1, own + more
        )
    if form.short:
        return
    simulated = [queue.simulated_ms(n, seed) for seed in range(SIMULATED)]
    for word, theory, shown in (
        ("mean", queue.mean_ms(), sorted(one for one, _ in simulated)),
        ("p95", queue.p95_ms(), sorted(one for _, one in simulated)),
    ):
        yield between(
            f"{queue.name}: {word} in ms", theory, table[word], shown[EDGE], shown[-EDGE - 1] + WAY_MS
        )
