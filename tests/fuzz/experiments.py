"""Chaos Toolkit experiments, for `harness chaos`: those of chaos/, with a few places spoilt."""

import json
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from tests.fuzz import grammar, scenarios
from tests.fuzz.grammar import SECRET
from tests.fuzz.trial import command, wrong

GOOD: Final[list[dict[str, Any]]] = [
    yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((scenarios.ROOT / "chaos").glob("*.yaml"))
]


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was typed, and what came of it that must not."""
    path = place / random.choice(("e.yaml", "e.json"))
    if random.random() < 0.2:
        path.write_bytes(scenarios._content(random))
        argv = ["chaos", "--matrix", "--dry-run", path.name]
    else:
        path.write_bytes(_content(random))
        argv = ["chaos", path.name]
    if random.random() < 0.3:
        argv += random.choice(
            (["--users", "7"], ["--slo", "recovery < 5s after slow"], ["--before", "1s"], ["--retries", "1"])
        )
    return argv, wrong(command(argv, {"FUZZ_TOKEN": SECRET}))


def _content(random: Random) -> bytes:
    kind = random.random()
    if kind < 0.75:
        value = grammar.mutated(random, _applying(random))
        text = json.dumps(value) if random.random() < 0.5 else yaml.safe_dump(value, sort_keys=False)
    elif kind < 0.85:
        return grammar.spoilt(random, yaml.safe_dump(random.choice(GOOD)).encode())
    else:
        return scenarios._content(random)
    return text.encode("utf-8", "surrogatepass")


def _applying(random: Random) -> dict[str, Any]:
    """A good one; perhaps with another fault, and with a secret of its own."""
    value: dict[str, Any] = json.loads(json.dumps(random.choice(GOOD)))
    fault = random.choice(
        (
            "latency:latency=200ms",
            "noop",
            "kill:link=target",
            "rude:how=expired",
            "latency:",
            grammar.text(random),
        )
    )
    if random.random() < 0.5:
        provider = {
            "type": "python",
            "module": "harness.faults.toolkit",
            "func": "apply",
            "arguments": {"fault": fault},
        }
        value.setdefault("method", []).append({"type": "action", "name": "more", "provider": provider})
    if random.random() < 0.3:
        value["configuration"] = {"token": SECRET, "other": {"type": "env", "key": "FUZZ_TOKEN"}}
    if random.random() < 0.3:
        value["secrets"] = {"x": {"password": SECRET}}
    return value
