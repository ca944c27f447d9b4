"""Reports every call to Locust: to its statistics once a second, to any other listener call by call.

Firing Locust's `request` event costs a quarter of a call. While its only listener is Locust's own, which
counts, successful calls are counted here and added to Locust's statistics in bulk: once a second, and when a
user ends. The sums are the same, so the web UI, `--csv` and the closing table show all of it, at most a
second late. If there is another listener, and for every failure, the event is fired at once.
Locust keeps every text of a failure, so it is given no more than `TEXTS_MAX` different ones.
"""

import time
from collections import Counter
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
        if len(self._event._handlers) != self._listeners:  # noqa: SLF001 - there is no public way
            self._look()
        if not self._only_locust:
            self.fire(transport, name, service_ms, bytes_in, None)
            return
        waiting = self._waiting.get((name, transport))
        if waiting is None:
            waiting = self._waiting[name, transport] = Waiting()
        waiting.times_ms.append(service_ms)
        waiting.bytes_in += bytes_in

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
            if waiting.times_ms:
                buckets = Counter(map(locust.stats.bucket_response_time, waiting.times_ms))
                for entry in (stats.total, stats.entries[key]):
                    _add(entry, waiting, buckets, now_s)
                waiting.times_ms, waiting.bytes_in = [], 0

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


def _add(entry: Any, waiting: Waiting, buckets: Counter[int], now_s: float) -> None:
    """Add all calls to a statistics entry at once; the entry's own `log` adds one."""
    second, times_ms = int(now_s), waiting.times_ms
    before_s = entry.last_request_timestamp
    if entry.use_response_times_cache and before_s is not None and second > int(before_s):
        entry._cache_response_times(second - 1)  # noqa: SLF001
    entry.num_requests += len(times_ms)
    entry.num_reqs_per_sec[second] += len(times_ms)
    entry.last_request_timestamp = now_s
    entry.total_response_time += sum(times_ms)
    least, most = min(times_ms), max(times_ms)
    entry.min_response_time = (
        least if entry.min_response_time is None else min(entry.min_response_time, least)
    )
    entry.max_response_time = max(entry.max_response_time, most)
    for bucket, count in buckets.items():
        entry.response_times[bucket] += count
    entry.total_content_length += waiting.bytes_in
