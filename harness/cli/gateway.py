"""What a gateway costs, seen from the runs of `harness compare --gateway`: its process, where it is on this machine, and its calls."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.conduct.capacity import listeners
from harness.history.comparison.gateway import GatewayCost, Spent, cost
from harness.history.comparison.measured import MeasuredRun
from harness.run_directory.results import glance
from harness.services.processes import usage

MB = 1e6


class GatewayWatch:
    """Reads the gateway's process before and after each run through it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._cpu_s: float | None = None
        self._rss_mb: float | None = None
        self._runs: dict[str, list[MeasuredRun]] = {"A": [], "B": []}
        self._spent: dict[str, list[Spent]] = {"A": [], "B": []}

    @contextmanager
    def around(self, letter: str) -> Iterator[None]:
        """One run of this side."""
        seen = listeners.process_at(self._url) if letter == "B" else None
        before = usage.of_tree(seen.pid) if seen is not None else None
        yield
        self._cpu_s = self._rss_mb = None
        if seen is not None and before is not None and (after := usage.of_tree(seen.pid)).rss_bytes:
            self._cpu_s, self._rss_mb = after.cpu_s - before.cpu_s, after.rss_bytes / MB

    def note(self, letter: str, run: MeasuredRun) -> None:
        """Keep a run that counts."""
        totals = glance.of_file(Path(run.path) / "summary.json").totals
        calls = (totals.ok or 0) + (totals.failed or 0)
        self._runs[letter].append(run)
        self._spent[letter].append(
            Spent(calls=calls, failed=totals.failed or 0, cpu_s=self._cpu_s, rss_mb=self._rss_mb)
        )

    def cost(self) -> GatewayCost:
        """What it adds."""
        return cost(self._url, self._runs["A"], self._runs["B"], self._spent["A"], self._spent["B"])
