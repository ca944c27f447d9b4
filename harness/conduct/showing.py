"""What a run tells once a second, while it goes on: live.json, alerts, and the page that Prometheus scrapes."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from harness import __version__
from harness.conduct import alerting
from harness.conduct.alerting import Alerting
from harness.conduct.asked import Run
from harness.conduct.following import Watch
from harness.live import board
from harness.live.alerts import Alerts
from harness.live.board import Shown
from harness.live.recent import Recent
from harness.objectives import Objective, parse
from harness.record import events


@dataclass(slots=True)
class Showing:
    """Everybody who watches a run, or wants to be told."""

    run: Run
    recent: Recent
    watch: Watch
    telling: Alerting
    alerts: Alerts

    def look(self, shown: Shown) -> None:
        run = self.run
        found = self.recent.measure(run.clock.now_ns(), board.LAST_S)
        board.publish(run.directory, shown, found)
        for alert in self.alerts.look(shown, found):
            run.event(events.ALERT, **alert.as_data())
            self.telling.tell(alert)
        self.run.meters.look(shown, self.alerts.holding)
        self.count()

    def count(self) -> None:
        """The rows that are fresh, once; whom nobody scrapes need not count."""
        if self.run.asked.prometheus is not None:
            self.run.meters.add(self.watch.fresh, self.watch.said)


def alerts_of(run: Run) -> AbstractAsyncContextManager[Alerting]:
    """Where those of this run go."""
    scenario = run.asked.scenario
    about = {"run_id": run.directory.run_id, "scenario": scenario.name}
    return alerting.alerting(scenario.alert, run.progress, about)


def watched(run: Run) -> list[Objective]:
    """What somebody wants to be told of."""
    scenario = run.asked.scenario
    asked = scenario.alert or run.asked.prometheus is not None
    return [parse(text) for text in scenario.objectives] if asked else []


def introduce(run: Run) -> None:
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
