"""Reports every call to Locust: to its statistics once a second, to any other listener call by call.

Firing Locust's `request` event costs a quarter of a call. While its only listener is Locust's own, which
counts, successful calls are counted here and added to Locust's statistics in bulk: once a second, and when a
user ends. The sums are the same, so the web UI, `--csv` and the closing table show all of it, at most a
second late. If there is another listener, and for every failure, the event is fired at once.
Locust keeps every text of a failure, so it is given no more than `TEXTS_MAX` different ones.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gevent
import locust.stats

POUR_S = 1.0
OWN = "locust.runners"
TEXTS_MAX, TEXT_CHARS_MAX = 1000, 500
OTHER = "(other)"


class CallFailed(Exception):  # noqa: N818 - the name is what Locust's web UI shows
    """A call that ended in a failure, for Locust's list of failures."""


@dataclass(slots=True)
class Waiting:
    """Calls of one name that are not yet in Locust's statistics."""

    times_ms: list[float] = field(default_factory=list)
    bytes_in: int = 0
    beside: Any = None  # those of the fast lane: `Times` of wire.c

    def take(self) -> "list[Poured]":
        """Return the sums of these calls, and forget them."""
        poured, bucket = [], locust.stats.bucket_response_time
        if times_ms := self.times_ms:
            total_ms, least_ms, most_ms = sum(times_ms), min(times_ms), max(times_ms)
            buckets = Counter(map(bucket, times_ms))
            poured.append(Poured(len(times_ms), total_ms, least_ms, most_ms, self.bytes_in, buckets))
            self.times_ms, self.bytes_in = [], 0
        if self.beside is not None and self.beside.count:
            count, total_ms, least_ms, most_ms, bytes_in, whole_ms, longer_ms = self.beside.take()
            buckets = Counter(whole_ms) + Counter(map(bucket, longer_ms))
            poured.append(Poured(count, total_ms, least_ms, most_ms, bytes_in, buckets))
        return poured


@dataclass(frozen=True, slots=True)
class Poured:
    """The sums of some calls of one name."""

    count: int
    total_ms: float
    least_ms: float
    most_ms: float
    bytes_in: int
    buckets: Counter[int]


class Tally:
    """The calls of one process that are to be reported to its Locust."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self._event = environment.events.request
        self._waiting: dict[tuple[str, str], Waiting] = {}
        self._listeners = -1
        self._only_locust = False
        self._pouring: gevent.Greenlet | None = None
        self._texts: set[str] = set()

    def failed(self, transport: str, name: str, service_ms: float, bytes_in: int, text: str) -> None:
        """Report a call that failed, with the reason."""
        text = text[:TEXT_CHARS_MAX]
        if text not in self._texts:
            if len(self._texts) < TEXTS_MAX:
                self._texts.add(text)
            else:
                text = f"{text.partition(':')[0]}: {OTHER}"
        self.fire(transport, name, service_ms, bytes_in, CallFailed(text))

    def ok(self, transport: str, name: str, service_ms: float, bytes_in: int) -> None:
        """Report a successful call."""
        if not self.in_bulk():
            self.fire(transport, name, service_ms, bytes_in, None)
            return
        waiting = self._waiting.get((name, transport))
        if waiting is None:
            waiting = self._waiting[name, transport] = Waiting()
        waiting.times_ms.append(service_ms)
        waiting.bytes_in += bytes_in

    def times(self, transport: str, name: str, made: Callable[[], Any]) -> Any:
        """Return where the fast lane counts its calls of this name."""
        waiting = self._waiting.setdefault((name, transport), Waiting())
        if waiting.beside is None:
            waiting.beside = made()
        return waiting.beside

    def in_bulk(self) -> bool:
        """Return whether successful calls are reported in bulk, as nobody but Locust listens."""
        if len(self._event._handlers) != self._listeners:  # noqa: SLF001 - there is no public way
            self._look()
        return self._only_locust

    def fire(
        self, transport: str, name: str, service_ms: float, bytes_in: int, failure: Exception | None
    ) -> None:
        """Fire Locust's event."""
        self._event.fire(
            request_type=transport,
            name=name,
            response_time=service_ms,
            response_length=bytes_in,
            response=None,
            context={},
            exception=failure,
        )

    def pour(self) -> None:
        """Add the waiting calls to Locust's statistics."""
        now_s = time.time()
        stats = self._environment.stats
        for key, waiting in self._waiting.items():
            for poured in waiting.take():
                for entry in (stats.total, stats.entries[key]):
                    _add(entry, poured, now_s)

    def _look(self) -> None:
        """Note whether Locust is the only listener; called again whenever the number of listeners changes."""
        listeners = self._event._handlers  # noqa: SLF001
        self._listeners = len(listeners)
        self._only_locust = [listener.__module__ for listener in listeners] == [OWN]
        if self._only_locust and self._pouring is None:
            self._pouring = gevent.spawn(self._pour_forever)

    def _pour_forever(self) -> None:
        while True:
            gevent.sleep(POUR_S)
            self.pour()


def _add(entry: Any, poured: Poured, now_s: float) -> None:
    """Add all calls to a statistics entry at once; the entry's own `log` adds one."""
    second = int(now_s)
    before_s = entry.last_request_timestamp
    if entry.use_response_times_cache and before_s is not None and second > int(before_s):
        entry._cache_response_times(second - 1)  # noqa: SLF001
    entry.num_requests += poured.count
    entry.num_reqs_per_sec[second] += poured.count
    entry.last_request_timestamp = now_s
    entry.total_response_time += poured.total_ms
    least, most = poured.least_ms, poured.most_ms
    entry.min_response_time = (
        least if entry.min_response_time is None else min(entry.min_response_time, least)
    )
    entry.max_response_time = max(entry.max_response_time, most)
    for bucket, count in poured.buckets.items():
        entry.response_times[bucket] += count
    entry.total_content_length += poured.bytes_in
