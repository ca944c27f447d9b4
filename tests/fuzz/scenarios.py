"""Scenario files: good ones with a few places spoilt, and text that is hardly YAML, for `harness plan` and `harness run`."""

import json
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from tests.fuzz import grammar
from tests.fuzz.grammar import SECRET
from tests.fuzz.trial import command, wrong

ROOT: Final = Path(__file__).parents[2]
GOOD: Final[list[dict[str, Any]]] = [
    *(yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "scenarios").glob("*.yaml"))),
    {
        "name": "every",
        "seed": 3,
        "load": [
            {"name": "climb", "ramp": {"to": 50, "step": 5, "hold": "10s", "break_below": "95%", "break_unless": ["p95 < 1s"], "rest": "1s"}},
            {"name": "steady", "sustain": {"users": "last_good", "for": "2m", "interval": "10s"}},
            {"rate": {"rate": "500/s", "for": "60s", "arrivals": "poisson", "max_users": 90, "queue": 10}},
            {"sessions": {"rate": "5/s", "calls": 3, "for": "10s"}},
            {"steps": {"levels": [1, 20, 3], "hold": "5s"}},
            {"spike": {"base": 3, "peak": 30, "before": "5s", "hold": "5s", "after": "5s"}},
            {"soak": {"level": 5, "for": "1h", "parts": 6}},
            {"bench": {"requests": 100, "users": 4}},
        ],
        "faults": [{"name": "slow", "at": "steady+10s", "for": "5s", "link": "database", "fault": "latency", "latency": "50ms"}],
        "objectives": ["p95 < 250ms", "success_rate >= 99% in steady", "p99 < 2s during slow"],
        "abort": ["success_rate < 50% for 10s"],
        "alert": ["console"],
        "retries": {"attempts": 3, "backoff": "100ms..2s", "budget": "20%"},
        "work": {"write": {"call": "w", "args": {"x": "{{entry}}"}}, "read": {"call": "r", "args": {"run": "{{run}}"}}, "rate": "5/s"},
    },
    {
        "name": "theirs",
        "target": {
            "url": f"http://somebody:{SECRET}@127.0.0.1:1/mcp?token={SECRET}",
            "headers": {"Authorization": f"Bearer {SECRET}", "X-Api-Key": SECRET},
            "command": ["server", "--token", SECRET],
            "ready": "http://127.0.0.1:1/health",
        },
        "workload": [
            {"call": "echo", "args": {"message": "{{random_int 1 9}} {{uuid}}", "password": SECRET}, "weight": 3},
            {"read": "x://{{counter}}"},
            {"list": "tools"},
        ],
        "allowed_hosts": ["localhost"],
        "load": [{"bench": {"requests": 10, "users": 1}}],
        "mix": {"light": 1},
        "alert": [f"http://127.0.0.1:1/{SECRET}"],
    },
]  # fmt: skip


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was typed, and what came of it that must not."""
    path = place / "s.yaml"
    path.write_bytes(_content(random))
    argv = ["plan", path.name] if random.random() < 0.6 else ["run", path.name]
    if argv[0] == "plan" and random.random() < 0.3:
        argv.append("--json")
    if argv[0] == "run" and random.random() < 0.3:
        argv += random.choice(
            (
                ["--slo", "p95 < 1s"],
                ["--retries", "2"],
                ["-H", "A: b"],
                ["--target-options", "--pool-max 3"],
                ["--fault", "noop:at=1s,for=1s"],
            )
        )
    return argv, wrong(command(argv, {"FUZZ_TOKEN": SECRET}))


def _content(random: Random) -> bytes:
    kind = random.random()
    if kind < 0.7:
        text = _written(random, grammar.mutated(random, random.choice(GOOD)))
    elif kind < 0.78:
        text = _written(random, random.choice(GOOD))
        return grammar.spoilt(random, text.encode("utf-8", "surrogatepass"))
    elif kind < 0.84:
        text = _written(random, _planted(random))
    elif kind < 0.9:
        text = _tricks(random)
    elif kind < 0.95:
        text = grammar.one_of(
            random, grammar.deep, grammar.long_text, lambda one: json.dumps(grammar.tree(one, 500))
        )
    else:
        text = _large(random)
    return text.encode("utf-8", "surrogatepass")


def _written(random: Random, value: Any) -> str:
    """As YAML of one kind or another; JSON is one."""
    match random.randrange(4):
        case 0:
            return json.dumps(value)
        case 1:
            return json.dumps(value, ensure_ascii=False, indent=1)
        case _:
            return yaml.safe_dump(
                value,
                sort_keys=False,
                allow_unicode=random.random() < 0.5,
                default_flow_style=random.choice((None, True, False)),
            )


def _planted(random: Random) -> Any:
    """A good one, with the secret where somebody might put it by mistake or by `${NAME}`."""
    value = json.loads(json.dumps(random.choice(GOOD)))
    target = value.setdefault("target", {})
    where = random.randrange(6)
    if where == 0:
        target["headers"] = {"Authorization": "Bearer ${FUZZ_TOKEN}", "x" * 5: grammar.text(random)}
    elif where == 1:
        target["url"] = f"http://u:{SECRET}@{grammar.text(random)}/"
    elif where == 2:
        target["url"] = f"http://127.0.0.1:1/mcp?api_key={SECRET}&{grammar.text(random)}"
    elif where == 3:
        value["workload"] = [{"call": "x", "args": {"token": "${FUZZ_TOKEN}", "n": grammar.text(random)}}]
    elif where == 4:
        value["workload"] = [{"call": "x", "args": {"a": f"{{{{random_int {SECRET} 3}}}}"}}]
    else:
        value["alert"] = [f"https://127.0.0.1:1/hook/{SECRET}"]
    return grammar.mutated(random, value, times=random.choice((0, 1)))


def _tricks(random: Random) -> str:
    """What YAML has beyond JSON."""
    depth = random.choice((3, 9, 40))
    laughs = "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, depth)
    )
    merges = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, depth)
    )
    return random.choice(
        (
            laughs,
            merges,
            "a: &a [*a]",
            "&a {b: {c: *a}}",
            "name: x\nname: y\n",
            "? [a, b]\n: c",
            "? {a: b}\n: c",
            "!!python/object/apply:os.system ['true']",
            "%YAML 9.9\n---\na: b",
            "%TAG ! tag:x,2000:\n---\n!a b",
            "a: b\n---\nc: d",
            "name: !!binary aGk=\nload: !!set {a, b}",
            "load: !!omap [a: 1]\nseed: !!float x",
            "load: !!timestamp 2026-13-45",
            "seed: !!int ''",
            "seed: !!bool maybe",
            "name: |\n" + "  x\n" * random.choice((1, 1_000)),
            "&" + "a" * 2_000 + " x",
            "- " * random.choice((10, 51, 3_000)) + "x",
            "? " * random.choice((10, 51, 3_000)) + "x",
            "<<: 5\nname: x",
            "<<: [5]\nname: x",
            "1: 2\nnull: 3\n2.5: x\ntrue: y\nname: z\nload: []",
            "name: x\nload: [{ramp: {to: 100000, step: 1, hold: 1s}}]\n",
            "name: x\nload: [{ramp: {to: 1000000/s, step: 0.001/s}}]\n",
            "name: x\nload: [{soak: {level: 1, for: 366d, parts: 1000, interval: 1ns}}]\n",
            "name: x\nload: [{bench: {requests: 1" + "0" * 29 + ", users: 1}}]\n",
        )
    )


def _large(random: Random) -> str:
    """Much of one thing."""
    name = random.choice(
        ("load", "faults", "objectives", "abort", "alert", "workload", "allowed_hosts", "headers", "secrets")
    )
    count = random.choice((400, 501, 3_000, 10_000))
    if name == "headers":
        headers = {f"X-{number}": f"token-{number}-Xy" for number in range(count)}
        return json.dumps(
            {
                "name": "x",
                "target": {"headers": headers, "url": "http://127.0.0.1:1"},
                "load": GOOD[-1]["load"],
            }
        )
    items: dict[str, Any] = {
        "load": {"sustain": {"users": 1, "for": "1s"}},
        "faults": {"fault": "noop", "at": "0s", "for": "1s"},
        "objectives": "p95 < 1s",
        "abort": "p95 > 1s for 5s",
        "alert": "console",
        "workload": {"call": "x", "args": {"a": "{{uuid}}"}},
        "allowed_hosts": "localhost",
        "secrets": "token=Xy7",
    }
    one = items[name]
    many = [
        one | {"name": f"n{number}"} if isinstance(one, dict) and name in {"load", "faults"} else one
        for number in range(count)
    ]
    return json.dumps({"name": "x", "load": GOOD[-1]["load"]} | {name: many})
