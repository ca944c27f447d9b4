"""Command lines: every option of the commands that can be tried, with values that fit it, nearly fit it, or never could."""

from pathlib import Path
from random import Random
from typing import Any, Final

import click

from harness.cli.main import cli
from tests.fuzz import grammar, scenarios
from tests.fuzz.grammar import SECRET
from tests.fuzz.trial import command, wrong

COMMANDS: Final = (
    "ramp",
    "sustain",
    "rate",
    "bench",
    "suite",
    "run",
    "chaos",
    "plan",
    "report",
    "nightly",
    "runs",
    "serve",
)
# Tracebacks are asked for with --debug; the others leave this process, or change what is not a test's own.
NEVER: Final = frozenset({"--debug", "--help", "--keep", "--steered", "--drop-schema", "--worker", "--web"})
FITTING: Final[dict[str, tuple[str, ...]]] = {
    "--url": ("http://127.0.0.1:1/mcp", f"http://u:{SECRET}@127.0.0.1:1/", f"http://127.0.0.1:1/?token={SECRET}", "http://[::1]:1/", "127.0.0.1:1", "http://2130706433/", "http://x.invalid/"),
    "--header": (f"Authorization: Bearer {SECRET}", f"X-Api-Key: {SECRET}", "A: b", "A:", ":", "é: x"),
    "--args": ('{"message": "hi"}', f'{{"token": "{SECRET}"}}', '{"a": "{{random_int 1 9}}"}', f'{{"a": "{{{{random_int {SECRET} 9}}}}"}}', "[]", "{", '{"a": 1, "a": 2}', "NaN", "[" * 100_000),
    "--call": ("echo", "a b", "\udcff", "x" * 5_000),
    "--mix": ("light=3,heavy=1", "light=1,light=2", "light", "lite=1", "light=-1", "light=0,heavy=0,websocket=0", "light=" + "9" * 5_000),
    "--fault": ("latency:latency=200ms,at=1s,for=1s", "noop:at=1s,for=1s", "kill:at=1s,for=1s,pid=1", "rude:how=oversized,clients=1000,every=1ms,size=1GB,at=0s,for=1s", "x:y", ":", "latency:a=b=c,,,"),
    "--slo": ("p95 < 250ms", "success_rate >= 99%", "p95 < 1s in nowhere", "p95 <", "p95 < " + "a " * 200),
    "--abort": ("success_rate < 50% for 10s", "p99 < 1s for 1s", "p95 < 1s for 1ns"),
    "--alert": ("console", "http://127.0.0.1:1/hook", f"https://127.0.0.1:1/{SECRET}", "http://[::1", "ftp://x"),
    "--prometheus": ("0", "9464", "[::1]:0", "127.0.0.1:0", "[::1:99", "x:1", "99999"),
    "--bind": ("127.0.0.1:5557", "*:1", "[::1", "a" * 70 + ".b:1", "x:0"),
    "--target-options": ("--pool-max 3", "--break open-door", "'", "--port 3", "--nope", "--redis-url redis://127.0.0.1:1", f"--amqp-url amqp://u:{SECRET}@127.0.0.1:1/"),
    "--allow-host": ("localhost", "10.0.0.7", "a" * 70, "[::1", "é.com", "http://x"),
    "--only": ("kill", "noop,kill", "kill-target", ",", "x" * 500),
    "--database-url": ("postgresql://127.0.0.1:1/x", f"postgresql://u:{SECRET}@127.0.0.1:1/x", "postgresql://[::1/x", "x", "postgresql:///x?host=/nowhere"),
    "--out": ("o", "o-é", "a" * 300, "s.yaml/x", ""),
}  # fmt: skip
ENVIRONMENT: Final = (
    "HARNESS_URL",
    "HARNESS_MIX",
    "HARNESS_TIMEOUT",
    "HARNESS_WORKERS",
    "HARNESS_SEED",
    "HARNESS_BIND",
    "TOXIPROXY_URL",
    "AMQP_URL",
    "REDIS_URL",
    "DATABASE_URL",
)


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was typed, and what came of it that must not."""
    (place / "s.yaml").write_text(grammar.json.dumps(random.choice(scenarios.GOOD)), encoding="utf-8")
    argv = _line(random)
    environ = {"FUZZ_TOKEN": SECRET}
    if random.random() < 0.15:
        name = random.choice(ENVIRONMENT)
        value = (
            random.choice(FITTING["--url"])
            if name.endswith("URL") and random.random() < 0.5
            else grammar.text(random)
        )
        environ[name] = value.replace("\0", "").encode("utf-8", "replace").decode()
    return [*(f"{name}={value}" for name, value in environ.items()), *argv], wrong(command(argv, environ))


def _line(random: Random) -> list[str]:
    """A command, what it must have, and some of what it may have."""
    name = random.choice(COMMANDS)
    if random.random() < 0.02:
        return [_typed(grammar.text(random)), *map(_typed, grammar.some(random, grammar.ODD_TEXTS))]
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    line = [name]
    options = [one for one in found.params if isinstance(one, click.Option) and not NEVER & {*one.opts}]
    arguments = [one for one in found.params if isinstance(one, click.Argument)]
    must = [one for one in options if one.required and random.random() < 0.95]
    for option in (*must, *random.sample(options, min(len(options), random.choice((0, 1, 1, 2, 3, 6))))):
        line += _option(random, option)
    for _ in arguments:
        if random.random() < 0.9:
            line.append(
                random.choice(
                    (
                        "s.yaml",
                        "s.yaml",
                        "nowhere",
                        _typed(grammar.text(random)).replace("/", "_").replace("..", "_"),
                    )
                )
            )
    if name == "chaos" and random.random() < 0.7:
        line += ["--matrix", "--dry-run"]
    return line


def _option(random: Random, option: click.Option) -> list[str]:
    name = option.opts[0] if random.random() < 0.5 else option.opts[-1]
    if option.is_flag:
        return [name]
    value = _typed(_value(random, option))
    if "--out" in option.opts:  # only below the directory of this input
        value = value.replace("/", "_").replace("..", "_")
    joined = name.startswith("--") and random.random() < 0.3
    return [f"{name}={value}"] if joined else [name, value]


def _value(random: Random, option: click.Option) -> str:
    known = next((FITTING[one] for one in option.opts if one in FITTING), None)
    kind: Any = option.type
    if known and random.random() < 0.6:
        return random.choice(known)
    if isinstance(kind, click.Choice) and random.random() < 0.8:
        return str(random.choice(list(kind.choices)))
    if random.random() < 0.5:
        return random.choice((*grammar.QUANTITIES, "1", "5", "50", "100001"))
    return grammar.text(random)


def _typed(text: str) -> str:
    """As an argument of a process can be: without NUL; half characters stand for bytes that are no text."""
    return "".join("\udcff" if "\ud800" <= char <= "\udfff" else char for char in text if char != "\0")
