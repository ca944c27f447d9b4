"""Checks of a scenario whose target speaks over its standard input and output: what goes with that, and what does not."""

from collections.abc import Collection
from typing import Final

from harness.foundation.errors import UsageError
from harness.scenario.catalogue import where
from harness.scenario.consistency import is_open, sizes
from harness.scenario.fault import FaultSpec
from harness.scenario.load import Load
from harness.scenario.model import HTTP_ONLY, Scenario, Target

FAULTS: Final = ("kill", "pause")
PROCESSES_MOST: Final = 500


def check_stdio(target: Target, source: str) -> None:
    """Check that the target has a command, and nothing that is for a server with an address."""
    if not target.command:
        raise UsageError(
            f"{source}: target.transport is stdio, but there is no target.command",
            "A session over stdio is a process, and the command starts it",
            "Give command: [npx, -y, some-server]; a server with a URL needs no transport",
        )
    for key, value in (
        ("url", target.url),
        ("ready", target.ready),
        ("headers", target.headers),
        ("auth", target.auth),
        ("tls", target.tls),
        ("wait", target.wait),
        ("listen", target.listen),
        ("options", target.options),
        ("processes", target.processes > 1),
    ):
        if value:
            raise UsageError(
                f"{source}: target.{key} does not go with transport: stdio",
                "Every session starts the command, and speaks to its standard input and output: it has no address",
                f"Leave out {key}; or, if the command starts a server with a URL, leave out transport",
            )
    if target.protocol in HTTP_ONLY:
        raise UsageError(
            f"{source}: target.protocol {target.protocol} is not spoken over stdio",
            "It needs a connection over the network",
            "Leave it out: the version is found out",
        )


def check_stdio_fault(fault: FaultSpec, path: str, own: Collection[str] = ()) -> None:
    """Check that the fault acts on processes: there is no network between users and server."""
    if fault.link in own or (fault.link == "target" and fault.kind in FAULTS):
        return
    raise UsageError(
        f"{path}: {fault.kind} on {where(fault.link)} cannot be made over stdio",
        "Between the users and their processes there is no network, and no server to restart",
        "Use fault: kill or pause, which act on the processes of the sessions",
    )


def _check_number(load: Load, users_per_process: int, path: str) -> None:
    """Check that the load says how many processes there may be, and that these are not too many for any machine."""
    if is_open(load):
        users = getattr(load, "max_users", None)
        if users is None:
            raise UsageError(
                f"{path}: a rate over stdio needs a bound of its processes",
                "Every session that the load opens is a process, and the usual bound is a thousand",
                "Give max_users (--max-users)",
            )
    else:
        users = max((size for size in sizes(load) if isinstance(size, int)), default=0)
    if users > PROCESSES_MOST * users_per_process:
        raise UsageError(
            f"{path}: {users:,} users are more than {PROCESSES_MOST} processes",
            "Over stdio every session is a process of this machine",
            "Ask for fewer users, or let some share a process: users_per_process (--users-per-process)",
        )


def check_stdio_users(scenario: Scenario, source: str) -> None:
    """Check that the users have calls that go over stdio, and that their processes are on this machine."""
    if not scenario.target.is_stdio:
        if scenario.target.users_per_process != 1:
            raise UsageError(
                f"{source}: target.users_per_process is for processes over stdio",
                "Users of a server with an address have connections",
                "Add transport: stdio, or leave it out",
            )
        return
    if scenario.expect_workers:
        raise UsageError(
            f"{source}: workers on other machines cannot load a stdio server",
            "A session is a process that its worker starts, and those are on this machine",
            "Leave out expect_workers",
        )
    for index, phase in enumerate(scenario.load):
        _check_number(phase.load, scenario.target.users_per_process, f"{source}: load[{index}].{phase.kind}")
    if scenario.work is not None:
        raise UsageError(
            f"{source}: work cannot be counted over stdio",
            "What is written by one process need not be seen by another",
            "Leave out work",
        )
