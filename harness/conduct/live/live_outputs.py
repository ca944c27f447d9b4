"""What stands beside the load of a run: faults, an experiment, and all that is done once a second.

Once a second: live.json, alerts, the page that Prometheus scrapes, what the target uses, and whether there is room to go on.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from harness import __version__
from harness.conduct.disk_space import Keeper
from harness.conduct.experiments.steering import ExperimentSteering
from harness.conduct.following import Rows
from harness.conduct.live import alerting, live_json
from harness.conduct.live.alerting import Alerting
from harness.conduct.live.alerts import Alerts
from harness.conduct.live.live_json import LiveSnapshot
from harness.conduct.run_values import RunContext
from harness.conduct.setup.server import UsageMaxima
from harness.run_directory.event_kinds import TargetSeen
from harness.scenario.objectives import Objective, parse


@dataclass(slots=True)
class RunObserver:
    """Everybody who watches a run, or wants to be told (`observer.Observer`)."""

    run: RunContext
    steering: ExperimentSteering
    telling: Alerting
    alerts: Alerts
    usage: UsageMaxima
    keeper: Keeper

    def step_began(self, name: str | None, at_ns: int) -> None:
        self.steering.injector.step_began(name, at_ns)

    def faults(self) -> Sequence[str]:
        return self.steering.injector.active

    def has_enough(self) -> bool:
        return self.steering.observed.is_set()

    def second(self, shown: LiveSnapshot, rows: Rows) -> None:
        self.count(rows)
        self.run.held.look()
        self.keeper.look()
        if (now := self.usage.read()) is not None:
            rss_mb = round(now.rss_bytes / 1e6, 1) or None
            self.run.log.write(TargetSeen(at_ns=self.run.clock.now_ns(), rss_mb=rss_mb))
        self.steering.recent.add(rows.tables, self.run.clock.now_ns())
        self._show(shown)

    def _show(self, shown: LiveSnapshot) -> None:
        run = self.run
        found = self.steering.recent.measure(run.clock.now_ns(), live_json.LAST_S)
        live_json.publish(run.directory, shown, found)
        for alert in self.alerts.look(shown, found):
            run.log.write(alert.event(run.clock.now_ns()))
            self.telling.tell(alert)
        run.meters.look(shown, self.alerts.holding)

    def count(self, rows: Rows) -> None:
        """Rows that are counted nowhere yet; whom nobody scrapes need not count."""
        if self.run.asked.prometheus is not None:
            self.run.meters.add(rows.tables, rows.said)


def alerts_of(run: RunContext) -> AbstractAsyncContextManager[Alerting]:
    """Where those of this run go."""
    scenario = run.asked.scenario
    about = {"run_id": run.directory.run_id, "scenario": scenario.name}
    return alerting.alerting(scenario.alert, run.progress, about)


def watched(run: RunContext) -> list[Objective]:
    """What somebody wants to be told of."""
    scenario = run.asked.scenario
    asked = scenario.alert or run.asked.prometheus is not None
    return [parse(text) for text in scenario.objectives] if asked else []


def introduce(run: RunContext) -> None:
    """Which run this is, and which faults it may have."""
    scenario, steered = run.asked.scenario, run.asked.steered
    run.meters.info = {
        "run_id": run.directory.run_id,
        "scenario": scenario.name,
        "command": run.asked.command,
        "version": __version__,
    }
    experiment = [fault.name for fault in steered.experiment.faults] if steered else []
    run.meters.faults = [*(fault.name for fault in run.plan.faults), *experiment]
