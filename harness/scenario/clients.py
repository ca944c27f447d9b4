"""Checks of a scenario with presets of clients: what they call, how they are paced, and what they need of a server."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from harness.foundation.errors import UsageError
from harness.scenario.catalogue import CLIENTS
from harness.scenario.consistency import is_open
from harness.scenario.load import Bench, Phase
from harness.scenario.model import REFERENCE_CALLS, Scenario

WITHOUT_HTTP: Final = (
    "sse",
    "websocket",
    "plain",
)  # no Streamable HTTP: sessions and streams are other things
SESSIONLESS: Final = ("2026-07-28", "plain")
AS_TASKS: Final = ("optional", "required")


def with_calls(scenario: Scenario, data: Mapping[str, Any], source: str) -> Scenario:
    """Check the presets; give them the calls of the reference server when that is the target."""
    chosen = _chosen(scenario)
    _check_one_kind(scenario, data, source)
    if not chosen:
        return scenario
    _check_pace(scenario.load, chosen, source)
    if scenario.target.is_stdio:
        _refuse(chosen, source, "over stdio", only_http=True)
    if scenario.workload or scenario.call_all or not any(CLIENTS[name].calls for name in chosen):
        return scenario
    if scenario.target.url or scenario.target.command:
        raise UsageError(
            f"{source}: clients need something to call",
            f"{', '.join(chosen)}: how a client behaves says not which tools it calls",
            "Give --call TOOL, or a workload; harness discover names the tools",
        )
    return replace(scenario, workload=list(REFERENCE_CALLS))


def check_against(scenario: Scenario, protocol: str, tools: Iterable[Mapping[str, Any]] | None) -> None:
    """Check, when the server is known, that it speaks what the presets need."""
    chosen = _chosen(scenario)
    if protocol in WITHOUT_HTTP:
        _refuse(chosen, "clients", f"over {protocol}", only_http=True)
    for name in chosen:
        needs = CLIENTS[name].needs
        if needs and needs != protocol:
            raise UsageError(
                f"The clients {name} need {needs}, and this run speaks {protocol}",
                f"They do this: {CLIENTS[name].imitates}",
                f"Give --protocol {needs}, if the server speaks it, or leave them out",
            )
        if CLIENTS[name].sessions and protocol in SESSIONLESS:
            raise UsageError(
                f"The clients {name} need sessions, and {protocol} has none",
                "There is nothing that they could leave open",
                "Give --protocol 2025-11-25, if the server speaks it, or leave them out",
            )
        if name == "tasks-polled":
            _check_tasks(scenario, tools)


def quiet_for_s(scenario: Scenario) -> dict[str, float]:
    """How long those presets are quiet that are quiet on purpose."""
    return {name: CLIENTS[name].idle_s for name in _chosen(scenario) if CLIENTS[name].idle_s}


def _check_one_kind(scenario: Scenario, data: Mapping[str, Any], source: str) -> None:
    """Check that users are said in one way only."""
    for one, other in (("clients", "mix"), ("replay", "mix"), ("replay", "clients"), ("replay", "workload")):
        if data.get(one) and data.get(other):
            raise UsageError(
                f"{source} has both {other} and {one}",
                "mix names users of the reference server, clients presets, replay sessions that were recorded",
                "Leave one of them out",
            )
    if data.get("clients") and not _chosen(scenario):
        raise UsageError(
            f"{source} has no users", "clients: every weight is 0", "Give one of them a weight above 0"
        )


def _chosen(scenario: Scenario) -> list[str]:
    return [name for name, weight in scenario.clients.items() if weight]


def _check_pace(phases: Iterable[Phase], chosen: Iterable[str], source: str) -> None:
    own = [name for name in chosen if CLIENTS[name].self_paced]
    for index, phase in enumerate(phases if own else ()):
        counted = isinstance(phase.load, Bench) or getattr(phase.load, "requests_per_user", None) is not None
        if counted or is_open(phase.load):
            raise UsageError(
                f"{source}: load[{index}].{phase.kind} does not go with the clients {', '.join(own)}",
                "They decide themselves when they call, and how often: neither a rate nor a number of calls does",
                "Give them a number of users for a time, such as sustain, ramp or soak",
            )


def _refuse(chosen: Iterable[str], source: str, how: str, *, only_http: bool) -> None:
    refused = [name for name in chosen if CLIENTS[name].http_only is only_http]
    if refused:
        fit = ", ".join(name for name, kind in CLIENTS.items() if not kind.http_only)
        raise UsageError(
            f"{source}: the clients {', '.join(refused)} do not exist {how}",
            "What they do is about the connections and streams of Streamable HTTP",
            f"Leave them out; {fit} go over every transport",
        )


def _check_tasks(scenario: Scenario, tools: Iterable[Mapping[str, Any]] | None) -> None:
    support = {
        str(tool["name"]): (tool.get("execution") or {}).get("taskSupport")
        if isinstance(tool.get("execution"), dict)
        else None
        for tool in tools or ()
    }
    for call in scenario.workload:
        if call.call is None or (tools is not None and support.get(call.call) not in AS_TASKS):
            able = [name for name, can in support.items() if can in AS_TASKS]
            raise UsageError(
                f"The clients tasks-polled cannot call {call.call or 'what is no tool'} as a task",
                f"Tools of this server that can be: {', '.join(able[:12])}"
                if able
                else "The server says of no tool that it can be a task (execution.taskSupport)",
                "Call one of those, or leave these clients out",
            )
