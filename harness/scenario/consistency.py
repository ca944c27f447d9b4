"""Checks that involve several keys of a scenario; each error names the path of the key."""

from collections.abc import Iterable, Iterator, Mapping

from harness.foundation.errors import UsageError
from harness.scenario.catalogue import PROFILES
from harness.scenario.links import LinkSpec
from harness.scenario.load import (
    Bench,
    CapacitySearch,
    Load,
    OpenLoad,
    Phase,
    Ramp,
    Sessions,
    Soak,
    Spike,
    Steps,
    Sustain,
)
from harness.scenario.model import Scenario, Target
from harness.scenario.quantities import Rate

OPEN_ONLY = ("arrivals", "max_users", "queue")


def check_phases(phases: Iterable[Phase], source: str) -> None:
    """Check that each entry of `load` has exactly one kind of load, and a name of its own."""
    seen: set[str] = set()
    ramped = False
    for index, phase in enumerate(phases):
        path = f"{source}: load[{index}]"
        if len(phase.loads) != 1:
            raise UsageError(
                f"{path} needs exactly one kind of load",
                f"There are {', '.join(PROFILES)}",
                "Write for example ramp: {to: 50}",
            )
        load = phase.load
        if isinstance(load, Sustain) and load.users == "last_good" and not ramped:
            raise UsageError(
                f"{path}.sustain.users is last_good, but no ramp comes before it",
                "It is the highest number of users that a ramp passed",
            )
        _check_sizes(load, f"{path}.{phase.kind}")
        ramped |= isinstance(load, Ramp) and not is_open(load)
        if phase.name and phase.name in seen:
            raise UsageError(
                f"{path}.name: {phase.name!r} is used twice", "", "Names of load steps are unique"
            )
        seen.add(phase.name or "")


def check_calls(scenario: Scenario, source: str) -> None:
    """Check that it is said once what is called."""
    if scenario.call_all is not None and scenario.workload:
        raise UsageError(
            f"{source} says twice what to call",
            "workload (--call) names some calls, call_all (--all-tools, --all) is everything that the server offers",
            "Leave one of them out",
        )
    if scenario.allow_writes and scenario.call_all is None:
        raise UsageError(
            f"{source}: allow_writes is for call_all",
            "What --call names is called, whether it writes or not",
            "Add call_all: tools (--all-tools), or leave it out",
        )


def check_pools(scenario: Scenario, source: str) -> None:
    """Check that every user class has a session in every worker: else its arrivals would wait forever."""
    named = scenario.workload or scenario.replay or scenario.call_all
    mixed = scenario.clients or ({} if named else scenario.mix)
    classes = sum(map(bool, mixed.values())) or 1
    least = classes * (scenario.workers + scenario.expect_workers)
    for index, phase in enumerate(scenario.load):
        most = getattr(phase.load, "max_users", None)
        if most is not None and most < least:
            raise UsageError(
                f"{source}: load[{index}].{phase.kind}.max_users: {most} is too few",
                f"{classes} user classes in {scenario.workers + scenario.expect_workers} workers need a session each: {least}",
                f"Give at least {least}, or fewer classes in the mix",
            )


def check_own_links(links: Mapping[str, LinkSpec], target: Target, source: str) -> None:
    """Check that links of your own belong to a server of your own, which comes by their addresses."""
    if not links:
        return
    if not target.url and not target.command:
        raise UsageError(
            f"{source}: links are for a server of your own",
            "The reference server's are there without being described: database, queue, sessions",
            "Give its url or command, or leave links out",
        )
    for name, link in links.items():
        if link.env is not None and not target.command:
            raise UsageError(
                f"{source}: links.{name}.env is for a server that the harness starts",
                "Nobody can change the environment of one that runs already",
                "Give listen: PORT, and configure the server to use 127.0.0.1:PORT; or give target.command",
            )


def sizes(load: Load) -> Iterator[object]:
    """Every size that a load names."""
    match load:
        case Ramp():
            yield load.to
            if load.step is not None:
                yield load.step
        case CapacitySearch():
            yield load.to
            if load.first is not None:
                yield load.first
        case Steps():
            yield from load.levels
        case Spike():
            yield from (load.base, load.peak)
        case Soak():
            yield load.level
        case OpenLoad() | Sessions():
            yield load.rate
        case Sustain() | Bench():
            yield load.users


def is_open(load: Load) -> bool:
    """Whether the load is open: one of its sizes is a rate."""
    return isinstance(next(sizes(load)), Rate)


def _check_sizes(load: Load, path: str) -> None:
    kinds = {isinstance(size, Rate) for size in sizes(load)}
    if len(kinds) > 1:
        raise UsageError(
            f"{path} mixes users and rates",
            "Closed load is given in users (50), open load as a rate (500/s)",
            "Use one of them for every level of a step",
        )
    if is_open(load):
        if getattr(load, "requests_per_user", None) is not None:
            raise UsageError(
                f"{path}.requests_per_user: calls that arrive at a rate do not belong to a user",
                "A step of an open load ends by time",
                "Write hold: instead",
            )
        return
    for key in OPEN_ONLY:
        if getattr(load, key, None) is not None:
            raise UsageError(
                f"{path}.{key}: is for open load only",
                "This load is given in users: each of them calls when it is ready",
                "Leave it out, or say a rate such as 500/s instead of users",
            )
