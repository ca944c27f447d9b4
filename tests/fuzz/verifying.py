"""Files for `harness verify`: verify.yaml with every section, spoilt as scenarios are, and results that were kept, for `--trend`.

Whatever would speak to a deployment ends where it begins, and so does the gate.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from harness.foundation.errors import UsageError
from harness.verify import opening, suite
from harness.verify.gate import serving
from harness.verify.spec import learn
from tests.fuzz import grammar, scenarios
from tests.fuzz.grammar import SECRET
from tests.fuzz.trial import command, wrong

DOCUMENTED: Final = (scenarios.ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
KNOWN: Final = {
    "FUZZ_TOKEN": SECRET, "SHOP_TOKEN": SECRET, "OLD_TOKEN": f"old-{SECRET}", "DATABASE_URL": f"postgresql://u:{SECRET}@127.0.0.1:1/x",
    "AMQP_URL": f"amqp://u:{SECRET}@127.0.0.1:1/", "RABBITMQ_MANAGEMENT_URL": f"http://u:{SECRET}@127.0.0.1:1/",
}  # fmt: skip
# The sections of docs/verify.md; those that go together with none are alternatives there.
SECTIONS: Final[dict[str, Any]] = {
    key: value
    for block in DOCUMENTED.split("```yaml\n")[1:]
    for key, value in yaml.safe_load(block.partition("```")[0]).items()
    if key != "jobs"
}
PLANTED: Final[tuple[dict[str, Any], ...]] = (
    {"auth": {"good": {"Authorization": f"Bearer {SECRET}"}}},
    {"auth": {"good": {"Authorization": "Bearer ${FUZZ_TOKEN}\r\nX: y"}}},
    {"auth": {"good": {"é": "${FUZZ_TOKEN}"}}},
    {"auth": {"good": {"Authorization": ["${FUZZ_TOKEN}"]}}},
    {"auth": {"good": f"Bearer {SECRET}"}},
    {"auth": {"required": "${FUZZ_TOKEN}"}},
    {"identity": {"name": "${FUZZ_TOKEN}", "version": ["${FUZZ_TOKEN}"]}},
    {"database": {"dsn": f"postgresql://u:{SECRET}@127.0.0.1/x"}},
    {"database": {"dsn": ["${DATABASE_URL}"]}},
    {"database": {"dsn": "${DATABASE_URL}", "schema": "${DATABASE_URL}", "tables": "${DATABASE_URL}"}},
    {"queue": {"name": "x", "url": f"amqp://u:{SECRET}@127.0.0.1/"}},
    {"queue": {"name": "x", "url": "${AMQP_URL}", "consumers": "${AMQP_URL}"}},
    {"queue": {"name": "${AMQP_URL}", "url": "${AMQP_URL}", "durable": "${AMQP_URL}"}},
    {"deploy": {"command": f"deploy --token {SECRET}"}},
    {"deploy": {"command": "deploy ${FUZZ_TOKEN}", "within": "${FUZZ_TOKEN}"}},
    {"deploy": {"kubernetes": "; true", "compose": "$(true)"}},
    {"target": {"command": f"serve --token {SECRET} '", "ready": f"http://u:{SECRET}@127.0.0.1:1/"}},
    {"target": {"command": "serve", "ready": "http://127.0.0.1:99999/", "url": "http://[::1"}},
    {"target": {"command": ["a\0b"], "ready": "http://localhost:1/", "database": "A B"}},
    {"health": {"url": "//elsewhere.invalid/x", "contains": "${FUZZ_TOKEN}"}},
    {"health": {"url": "http://169.254.169.254/latest"}},
    {"write": {"call": "${FUZZ_TOKEN}", "args": {"${FUZZ_TOKEN}": "${NOT_SET}"}}},
    {"process": {"pid_file": "/proc/self/mem"}},
    {"tools": {"lock": "/dev/zero"}},
    {"tools": {"lock": "../../../../../etc/shadow"}},
)


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was typed, and what came of it that must not."""
    if random.random() < 0.2:
        _results(random, place)
        argv = [
            "verify",
            "--trend",
            "--out",
            "o",
            *random.choice(([], ["--json"], ["--url", "http://127.0.0.1:1/"])),
        ]
        return argv, wrong(_tried(argv))
    (place / "verify.yaml").write_bytes(_content(random))
    argv = ["verify", random.choice(("verify.yaml", "./verify.yaml")), "--out", "o"]
    argv += random.choice(
        (
            ["--url", "http://127.0.0.1:1/mcp"],
            ["--deploy-simulation"],
            ["--serve", "0", "--url", "http://127.0.0.1:1/"],
            [],
        )
    )
    argv += grammar.some(random, ("--allow-writes", "--allow-deploy", "--keep-going", "--json", "--learn"), 2)
    if random.random() < 0.2:
        argv += random.choice(
            (
                ["--database", grammar.text(random)],
                ["--queue", grammar.text(random)],
                ["--wait", "1s"],
                ["-k", grammar.text(random)],
                ["--serve", grammar.text(random)],
            )
        )
        argv = [word.replace("\0", "").encode("utf-8", "replace").decode() for word in argv]
    return argv, wrong(_tried(argv))


def _tried(argv: list[str]) -> Any:
    with _ends_where_it_begins():
        return command(argv, KNOWN)


@contextmanager
def _ends_where_it_begins() -> Iterator[None]:
    places = (
        (suite, "verify"),
        (suite, "simulate"),
        (serving, "serve"),
        (learn, "learn"),
        (opening, "opened"),
    )
    kept = [getattr(module, name) for module, name in places]
    for module, name in places:
        setattr(module, name, _over)
    try:
        yield
    finally:
        for (module, name), before in zip(places, kept, strict=True):
            setattr(module, name, before)


def _over(*_: object, **__: object) -> Any:
    raise UsageError("Every check was passed", "Nothing is verified here", "")


def _content(random: Random) -> bytes:
    chosen = {key: SECTIONS[key] for key in grammar.some(random, list(SECTIONS), 6)}
    kind = random.random()
    if kind < 0.6:
        value = grammar.mutated(random, chosen or SECTIONS)
    elif kind < 0.85:
        value = {**chosen, **random.choice(PLANTED)}
        value = grammar.mutated(random, value, times=random.choice((0, 1)))
    elif kind < 0.92:
        return grammar.spoilt(random, yaml.safe_dump(chosen or SECTIONS).encode())
    elif kind < 0.96:
        return scenarios._tricks(random).encode("utf-8", "surrogatepass")
    else:
        key = random.choice(("doors", "tools", "database", "tasks"))
        value = {key: grammar.wide(random)}
    return scenarios._written(random, value).encode("utf-8", "surrogatepass")


def _results(random: Random, place: Path) -> None:
    """What earlier verifications left."""
    good = {"results": {
        "summary": {"start": 1_790_000_000_000, "stop": 1_790_000_004_000, "passed": 3, "failed": 1, "skipped": 0, "other": 0},
        "extra": {"target": "http://127.0.0.1:1/mcp", "server": "shop 1", "exit_code": 1},
        "tests": [{"name": "it answers", "status": "failed"}, {"name": "x", "status": "passed"}],
    }}  # fmt: skip
    for number in range(random.choice((1, 2, 3))):
        kept = place / "o" / "verify" / f"2026112{number}T000000Z-abcdef"
        kept.mkdir(parents=True)
        fresh = grammar.number if random.random() < 0.6 else grammar.tree
        data = json.dumps(grammar.mutated(random, good, fresh)).encode()
        (kept / "results.json").write_bytes(grammar.spoilt(random, data) if random.random() < 0.2 else data)
