"""Parse text from outside into a `Scenario`, strictly: an unknown key is an error that names its path.

Values like `${MCP_TOKEN}` are taken from the environment; a variable that is not set is an error. The command
line arrives here, too, as the mapping that a file would hold, so both are checked in the same way.
"""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from harness.foundation.errors import UsageError
from harness.foundation.secrets import hiding, sources
from harness.foundation.units import said
from harness.foundation.untrusted import documents
from harness.foundation.untrusted.documents import DocumentError, short
from harness.scenario import auth, links, load, model
from harness.scenario.auth import check_references
from harness.scenario.catalogue import DEPLOYS, LINKS, where
from harness.scenario.clients import with_calls
from harness.scenario.consistency import check_calls, check_own_links, check_phases, check_pools
from harness.scenario.data_names import check_data
from harness.scenario.expect import Expect
from harness.scenario.model import Scenario, Target
from harness.scenario.objectives import check_names, parse, parse_abort
from harness.scenario.replay import RecordedSession
from harness.scenario.several_processes import check_several
from harness.scenario.stdio import check_stdio, check_stdio_fault, check_stdio_users

_SCENARIO = TypeAdapter(Scenario)
_TARGET = TypeAdapter(Target)
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_VALUES: dict[str, type] = {
    "": model.Scenario,
    "target": model.Target,
    "auth": auth.Auth,
    "oauth": auth.OAuth,
    "tls": auth.TlsFiles,
    "workload": model.Call,
    "replay": RecordedSession,
    "load": load.Phase,
    "retries": model.Retries,
    "work": model.Work,
    "write": model.Tool,
    "env": links.Variables,
    "expect": Expect,
    "ramp": load.Ramp,
    "sustain": load.Sustain,
    "rate": load.OpenLoad,
    "sessions": load.Sessions,
    "steps": load.Steps,
    "spike": load.Spike,
    "soak": load.Soak,
    "bench": load.Bench,
}


def read_file(path: Path) -> dict[str, Any]:
    """The scenario file as a mapping, not yet checked."""
    try:
        data = documents.yaml_value(documents.read_text(path))
    except DocumentError as error:
        raise UsageError(
            f"{path} is not valid YAML",
            str(error),
            "Correct it there; docs/scenarios.md says what it may hold",
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Cannot read the scenario {short(str(path), 120)}",
            short(str(error), 300),
            "Give the path of a YAML file",
        ) from error
    if not isinstance(data, dict):
        raise UsageError(f"{path} is not a scenario", "A scenario is a mapping with `name` and `load`")
    data.setdefault("name", path.stem)
    return data


def scenario_of(
    data: Mapping[str, Any],
    source: str,
    environ: Mapping[str, str] = os.environ,
    fault_names: Iterable[str] = (),
) -> Scenario:
    """The checked scenario; `source` is named in errors (a path, or the command).

    `fault_names`: the faults that an experiment will ask for, so that objectives may name them.
    """
    if data.get("expect_workers"):
        data = {"workers": 0, **data}  # with workers on other machines, this one runs none unless asked to
    sources.tree(data)
    check_references(data.get("target"))
    try:
        scenario = _SCENARIO.validate_python(
            _substitute(dict(data), environ, ""), context={"links": links.names_in(data)}
        )
    except ValidationError as error:
        lines = [short(_explain(details), 300) for details in error.errors()[:5]]
        raise UsageError(f"{source} cannot be run as it is", "\n".join(dict.fromkeys(lines))) from error
    if not scenario.workers + scenario.expect_workers:
        raise UsageError(f"{source} has no workers", "", "Give workers: or expect_workers: a number above 0")
    check_phases(scenario.load, source)
    check_calls(scenario, source)
    scenario = with_calls(scenario, data, source)
    if not (scenario.workload or scenario.replay or any({**scenario.mix, **scenario.clients}.values())):
        raise UsageError(
            f"{source} has no users", "mix: every weight is 0", "Give one class a weight above 0"
        )
    check_pools(scenario, source)
    _check_target(scenario.target, source)
    check_own_links(scenario.links, scenario.target, source)
    check_stdio_users(scenario, source)
    check_data(scenario, source)
    _check_tls(scenario, source)
    _check_anchors(scenario, source)
    for text in scenario.abort:
        parse_abort(text)
    check_names(
        [parse(text) for text in scenario.objectives],
        steps=scenario.phase_names(),
        faults=[*(fault.name for fault in scenario.faults), *fault_names],
    )
    return scenario


def target_of(data: Mapping[str, Any], source: str, environ: Mapping[str, str] = os.environ) -> Target:
    """The checked target of a command that makes no load."""
    data = {"target": {key: value for key, value in data.items() if value}}
    sources.tree(data)
    check_references(data["target"])
    try:
        target = _TARGET.validate_python(_substitute(dict(data["target"]), environ, "target"))
    except ValidationError as error:
        lines = [f"target.{short(_explain(details), 300)}" for details in error.errors()[:5]]
        raise UsageError(f"{source} cannot be run as it is", "\n".join(dict.fromkeys(lines))) from error
    _check_target(target, source)
    return target


def _substitute(value: Any, environ: Mapping[str, str], path: str) -> Any:
    if isinstance(value, dict):
        for key in value:
            _check_text(key, path)
        return {key: _substitute(item, environ, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, environ, f"{path}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    missing = [name for name in _VARIABLE.findall(value) if name not in environ]
    if missing:
        raise UsageError(
            f"{path.lstrip('.')}: the environment variable {missing[0]} is not set",
            f"The scenario takes it from ${{{missing[0]}}}",
            f"export {missing[0]}=...",
        )
    filled_in = _VARIABLE.sub(lambda match: environ[match[1]], value)
    _check_text(filled_in, path)
    if filled_in != value:
        for name in _VARIABLE.findall(value):
            sources.reference(name, environ[name])
        key = path.rpartition(".")[2].partition("[")[0]
        hiding.remember(key, filled_in, value)
        sources.tree(filled_in, key)
    return filled_in


def _check_text(text: object, path: str) -> None:
    """Refuse a text with a NUL or a lone surrogate: it can neither be sent nor passed to a process."""
    if isinstance(text, str) and _NO_TEXT.search(text):
        raise UsageError(
            f"{short(path.lstrip('.')) or 'the scenario'} holds a character that is not text",
            "It is NUL, or a lone surrogate",
            "Leave it out",
        )


def _check_target(target: Target, source: str) -> None:
    _check_surroundings(target, source)
    if target.is_stdio:
        check_stdio(target, source)
        return
    if target.processes > 1:
        check_several(target, f"{source}: target.processes")
    if target.command and not (target.ready or target.url):
        raise UsageError(
            f"{source}: target.command says how to start a server, but not its address",
            "So the harness cannot tell when it is ready",
            "Give its endpoint (url), or an address that answers when it is up (ready); if it speaks over its standard "
            "input and output, transport: stdio",
        )
    if target.options and (target.url or target.command):
        raise UsageError(
            f"{source}: target.options are for the reference server, and this is another one",
            "They are what `harness serve` takes",
            "Leave url and command out, or drop options",
        )
    if target.ready and not target.command:
        raise UsageError(
            f"{source}: target.ready is for a server that the harness starts",
            "",
            "Add command, or drop ready",
        )


def _check_tls(scenario: Scenario, source: str) -> None:
    """Check that workers on other machines need no files of this one."""
    tls = scenario.target.tls
    if tls is not None and scenario.expect_workers and (tls.ca or tls.cert):
        raise UsageError(
            f"{source}: workers on other machines have no files of this one",
            "target.tls names certificates that lie here",
            "Load it from this machine (workers), or let the workers' machines trust its authority themselves",
        )


def _check_surroundings(target: Target, source: str) -> None:
    """Check what a command is started with."""
    if (target.env or target.cwd) and not target.command:
        raise UsageError(
            f"{source}: target.{'env' if target.env else 'cwd'} is for a server that the harness starts",
            "Another one has an environment and a directory of its own",
            "Add command, or leave it out",
        )
    if wrong := next((name for name in target.env if not name or "=" in name), None):
        raise UsageError(
            f"{source}: target.env: {said(wrong)} is no name of an environment variable",
            "",
            "Write NAME: value",
        )
    if target.cwd and not Path(target.cwd).is_dir():
        raise UsageError(
            f"{source}: target.cwd: {said(target.cwd)} is no directory",
            "The command is started there; a relative path counts from where the harness is started",
            "Give the path of one",
        )


def _check_anchors(scenario: Scenario, source: str) -> None:
    """Check that the load steps and links that faults name exist."""
    names = scenario.phase_names()
    for index, fault in enumerate(scenario.faults):
        path = f"{source}: faults[{index}]"
        if fault.step is not None and fault.step not in names:
            raise UsageError(
                f"{path}.at: there is no load step {said(fault.step)}",
                f"There are {short(', '.join(names), 300)}",
            )
        target = scenario.target
        if target.is_stdio:
            check_stdio_fault(fault, path, scenario.links)
            continue
        if fault.link in LINKS and LINKS[fault.link].behind and (target.url or target.command):
            raise UsageError(
                f"{path}.link: {where(fault.link)} is the reference target's",
                "Of another server the harness sees the client link only, and links that you describe",
                "Use link: client, or describe your own: links (docs/links.md)",
            )
        if fault.kind in DEPLOYS:
            check_several(target, f"{path}.fault: {fault.kind}")
        if fault.link == "target" and target.url and not target.command:
            raise UsageError(
                f"{path}.fault: {fault.kind} is for a server that the harness has started",
                "The harness does not stop processes that it did not start",
                "Give target.command, by which it is started, or leave the target out",
            )


def _explain(details: ErrorDetails) -> str:
    """One line: the path of the key, what is wrong, and what would be right."""
    where = _path(details["loc"])
    match details["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            return f"{where}: unknown key{_known_keys(details['loc'])}"
        case "missing" | "missing_argument" | "missing_keyword_only_argument":
            return f"{where}: is missing"
        case "value_error":
            message = str(details["ctx"]["error"])
            return f"{where}{'' if message.startswith('[') else ': '}{message}"
        case _:
            message = details["msg"].removeprefix("Input ").removeprefix("List ")
            return f"{where}: {message} (got {short(repr(details['input']))})"


def _path(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not str(part).startswith(("function-", "literal", "constrained-", "[key]")):
            text += f".{part}"
    return text.lstrip(".") or "the scenario"


def _known_keys(loc: tuple[int | str, ...]) -> str:
    parent = next((str(part) for part in reversed(loc[:-1]) if isinstance(part, str)), "")
    if parent not in _VALUES:
        return ""
    known = [name.rstrip("_") for name in _VALUES[parent].__dataclass_fields__]  # type: ignore[attr-defined]
    close = difflib.get_close_matches(str(loc[-1])[:100], known, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
