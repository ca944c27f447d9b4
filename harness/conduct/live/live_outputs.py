"""Connects a run's load to its faults, its experiment, and its live outputs.

Once a second: live.json, alerts, the page for Prometheus, the target's resource usage, the machine's processors, the check for
disk space.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from harness.conduct.disk_space import Keeper
from harness.conduct.experiments.steering import ExperimentSteering
from harness.conduct.following import Rows
from harness.conduct.live import alerting, live_json
from harness.conduct.live.alerting import Alerting
from harness.conduct.live.alerts import Alerts
from harness.conduct.live.live_json import LiveSnapshot
from harness.conduct.run_values import RunContext
from harness.conduct.setup.authorization import Authorization
from harness.conduct.setup.server import UsageMaxima
from harness.run_directory.event_kinds import TargetSeen
from harness.scenario.objectives import Objective, parse
from harness.services.processes.processors import Processors


@dataclass(slots=True)
class RunObserver:
    """The observer of a run (`observer.Observer`); it passes each second on to all live outputs."""

    run: RunContext
    steering: ExperimentSteering
    telling: Alerting
    alerts: Alerts
    usage: UsageMaxima
    keeper: Keeper
    authorization: Authorization
    processors: Processors = field(default_factory=Processors)

    def step_began(self, name: str | None, at_ns: int) -> None:
        self.steering.injector.step_began(name, at_ns)

    def faults(self) -> Sequence[str]:
        return self.steering.injector.active

    def has_enough(self) -> bool:
        return self.steering.observed.is_set()

    def second(self, shown: LiveSnapshot, rows: Rows) -> None:
        self.count(rows)
        self.authorization.look(rows.tables, self.run.clock.origin_ns)
        self.run.held.look()
        self.keeper.look()
        self.processors.look()
        if (now := self.usage.read()) is not None:
            rss_mb = round(now.rss_bytes / 1e6, 1) or None
            cpu_s = round(now.cpu_s, 3)
            self.run.log.write(TargetSeen(at_ns=self.run.clock.now_ns(), rss_mb=rss_mb, cpu_s=cpu_s))
        self.steering.recent.add(rows.tables, self.run.clock.now_ns())
        self._show(shown)

    def _show(self, shown: LiveSnapshot) -> None:
        run = self.run
        figures = self.steering.recent.measure(run.clock.now_ns(), live_json.LAST_S)
        live_json.publish(run.directory, shown, figures)
        for alert in self.alerts.look(shown, figures):
            run.log.write(alert.event(run.clock.now_ns()))
            self.telling.tell(alert)
        if run.page is not None:
            run.page.meters.look(shown, self.alerts.holding)

    def count(self, rows: Rows) -> None:
        """Count new rows for Prometheus, if it is used."""
        if self.run.page is not None:
            self.run.page.meters.add(rows.tables, rows.said)


def alerts_of(run: RunContext) -> AbstractAsyncContextManager[Alerting]:
    """Return the alerting of this run."""
    scenario = run.asked.scenario
    about = {"run_id": run.directory.run_id, "scenario": scenario.name}
    return alerting.alerting(scenario.alert, run.progress, about)


def watched(run: RunContext) -> list[Objective]:
    """Return the objectives to watch: all, if there are alerts or Prometheus, else none."""
    scenario = run.asked.scenario
    asked = scenario.alert or run.asked.prometheus is not None
    return [parse(text) for text in scenario.objectives] if asked else []
