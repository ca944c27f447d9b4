"""The values of a run: its request, its context while it is made, its result."""

import asyncio
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from harness.conduct.interrupts import Leaving
from harness.conduct.live.progress import Progress
from harness.conduct.open_files import Held
from harness.foundation.clock import Clock, RealClock, RunClock
from harness.foundation.secrets import hiding, redact
from harness.load.engine import Engine
from harness.run_directory.directory import RunDirectory
from harness.run_directory.events import EventLog
from harness.run_directory.results import Summary
from harness.run_directory.undo import OpenEntry, UndoJournal
from harness.scenario.catalogue import DEPLOYS
from harness.scenario.experiment import Experiment
from harness.scenario.model import Scenario
from harness.scenario.plan.plan import Plan

if TYPE_CHECKING:  # they need pandas, which is imported while the server starts
    from harness.conduct.live.scraping import ScrapedPage
    from harness.report.reading import Reading


@dataclass(frozen=True, slots=True)
class Steered:
    """The experiment of a run; `telling` is set if `chaos run` started us, and gets our address."""

    experiment: Experiment
    before_s: float
    after_s: float
    telling: int | None = None  # a pipe to `chaos run`


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The request for one run."""

    scenario: Scenario
    command: str
    argv: tuple[str, ...]
    out: Path
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    clock: Clock = field(default_factory=RealClock)
    engine: Engine | None = None  # Locust's, unless a test brings another
    steered: Steered | None = None  # an experiment that controls the faults
    prometheus: str | None = None  # [HOST:]PORT where the run may be scraped
    web: bool = False  # Locust's web UI shows the load
    leaving: Leaving = field(default_factory=Leaving)

    def places(self, plan: Plan) -> frozenset[str]:
        """Return the fault sites of all faults, of the plan and of the experiment."""
        return frozenset(link for _, link in self._faults(plan))

    def processes(self, plan: Plan) -> int:
        """Return how many processes the target runs as: a deploy without a gap needs two."""
        deployed = any(kind in DEPLOYS for kind, _ in self._faults(plan))
        return max(self.scenario.target.processes, 2 if deployed else 1)

    def _faults(self, plan: Plan) -> set[tuple[str, str]]:
        steered = self.steered
        asked = {(fault.kind, fault.link) for fault in steered.experiment.faults} if steered else set()
        return asked | {(fault.kind, fault.link) for fault in plan.faults}


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run that has ended; without a directory nothing was measured."""

    run_dir: Path | None
    summary: Summary
    exit_code: int
    reading: "Reading | None" = None
    allowed_hosts: tuple[str, ...] = ()  # of its scenario


@dataclass(slots=True)
class RunContext:
    """The state of a run while it is made."""

    asked: RunRequest
    plan: Plan
    directory: RunDirectory
    clock: RunClock
    log: EventLog
    progress: Progress
    facts: dict[str, Any]
    page: "ScrapedPage | None" = None  # for Prometheus
    held: Held = field(init=False)
    undo: UndoJournal | None = None
    strangers: int = 0  # attempts to join the load that were refused
    call_all: Literal["tools", "everything"] | None = (
        None  # as the scenario says, or as was chosen for a server nobody said more of
    )
    thinks: bool = True
    started: bool = False  # from here on there is something to read

    def __post_init__(self) -> None:
        self.held = Held(self.directory.path)
        scenario = self.asked.scenario
        self.call_all = scenario.call_all
        self.thinks = scenario.think is not False

    def write_metadata(self, **more: Any) -> None:
        self.facts |= msgspec.to_builtins(more)
        self.directory.write_json("metadata.json", self.written_facts())

    def write_down(self) -> None:
        """Write down what was asked for, or was chosen since."""
        self.directory.write_yaml("scenario.yaml", self.written_scenario())

    def written_facts(self) -> Any:
        """Return metadata.json, without secrets."""
        return redact.tree(self.facts)

    def written_scenario(self) -> Any:
        """Return scenario.yaml without secrets; `${NAME}` in the user's file stays as it is."""
        data = asdict(self.asked.scenario) | {"think": self.thinks, "call_all": self.call_all}
        as_written = {
            key: hiding.as_written(data[key], key)
            for key in ("target", "links", "workload", "replay", "work", "alert")
        }
        unset = {key for key in ("call_all", "allow_writes") if not data[key]}
        return redact.tree({key: value for key, value in (data | as_written).items() if key not in unset})

    @property
    def journal(self) -> UndoJournal:
        """The journal in which everything that is started is announced; a janitor watches it."""
        assert self.undo is not None
        return self.undo

    def left(self) -> list[OpenEntry]:
        """Return the entries that could not be undone."""
        return self.undo.open() if self.undo is not None else []
