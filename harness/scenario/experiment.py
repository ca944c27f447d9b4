"""Read from a Chaos Toolkit experiment, before the run, which faults it will ask for.

The links of a run lead through proxies from the start, so the harness must know the faults in advance. A
fault that could never be applied is refused before anything starts. Chaos Toolkit itself handles the rest of
the file.
"""

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.foundation.errors import UsageError
from harness.foundation.secrets import sources
from harness.foundation.units import said
from harness.foundation.untrusted import documents
from harness.foundation.untrusted.documents import DocumentError, short
from harness.scenario.fault import FAULTS_MOST, FaultSpec, from_flag, read_faults

MODULE = "harness.faults.toolkit"
STEERING = "HARNESS_STEERING"  # where an experiment finds the run that makes its load


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment: its file, its title, and the faults that it names."""

    path: Path
    title: str
    faults: tuple[FaultSpec, ...]


def read_experiment(path: Path, own: Collection[str] = ()) -> Experiment:
    """Read and check an experiment, as far as the harness needs it; `-` means standard input. `own`: the user's links."""
    try:
        text = sys.stdin.readline() if str(path) == "-" else documents.read_text(path)
        data = documents.yaml_value(text)  # JSON is YAML, too
    except DocumentError as error:
        raise UsageError(
            f"{path} is neither YAML nor JSON",
            str(error),
            "Correct it there; `chaos validate FILE` tells more",
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Cannot read the experiment {short(str(path), 120)}",
            short(str(error), 300),
            "Give the path of a file",
        ) from error
    if not isinstance(data, Mapping) or not isinstance(data.get("method"), list) or "title" not in data:
        raise UsageError(
            f"{path} is not a Chaos Toolkit experiment",
            "An experiment is a mapping with title, description and method",
            "See the files in chaos/; `chaos validate FILE` tells more",
        )
    sources.tree(data, environ=os.environ)
    texts = [str(arguments.get("fault")) for arguments in _applied(data)]
    if len(texts) > FAULTS_MOST:
        raise UsageError(
            f"{path} applies {len(texts):,} faults", f"{FAULTS_MOST:,} are the most", "Apply fewer"
        )
    return Experiment(path, str(data["title"]), tuple(asked_fault(text, str(path), own) for text in texts))


def asked_fault(text: str, source: str, own: Collection[str] = ()) -> FaultSpec:
    """Parse `KIND:key=value,...` without times: such a fault lasts from its request until it is healed."""
    try:
        data = from_flag(text) | {"at": "0s", "for": "24h"}
        faults: Any = read_faults([data], own)
    except ValueError as error:
        why = str(error).removeprefix("[0]").removeprefix(".")
        raise UsageError(f"{source}: the fault {said(text)} cannot be applied", why) from error
    fault: FaultSpec = faults[0]
    return fault


def _applied(value: Any) -> Iterator[Mapping[str, Any]]:
    """The arguments of every `apply` action of the harness, wherever it stands in the file."""
    if isinstance(value, Mapping):
        provider = value.get("provider")
        if isinstance(provider, Mapping) and (provider.get("module"), provider.get("func")) == (
            MODULE,
            "apply",
        ):
            arguments = provider.get("arguments")
            yield arguments if isinstance(arguments, Mapping) else {}
        for item in value.values():
            yield from _applied(item)
    elif isinstance(value, list):
        for item in value:
            yield from _applied(item)
