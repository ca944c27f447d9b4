"""What others say, written into files that people run: recordings of hostile clients, folders for hostile servers.

A recording has to be a scenario that can be read, with the steps that are counted, and without the secret that the client sent.
A folder's files have to be what they would be for a kind server: the same keys, the same Python, one line for each comment.
"""

import ast
import json
import re
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Final, cast

import yaml

from harness.cli.init_files import Server, files
from harness.cli.init_trial import Trial, stays_the_same
from harness.cli.record import _text
from harness.client.recorder import Recorder
from harness.foundation.errors import HarnessError
from harness.foundation.secrets import hiding
from harness.foundation.untrusted.documents import DocumentError, json_value, yaml_value
from harness.scenario.read import scenario_of
from harness.scenario.recording import recording
from tests.fuzz import grammar
from tests.fuzz.grammar import SECRET
from tests.fuzz.trial import HangError, bounded

METHODS: Final = ("tools/call", "tools/call", "prompts/get", "resources/read", "tools/list", "resources/list", "ping", "initialize", "x/y", "server/discover")  # fmt: skip
OWN: Final = {"name", "target", "workload", "load", "think", "objectives", "warm_up"}


def attempt(random: Random, place: Path) -> tuple[list[str], list[str]]:
    """What was made, and what came of it that must not."""
    try:
        with bounded():
            typed, wrong = random.choice((_recorded, _folder))(random, place)
    except HangError:
        typed, wrong = [], ["it did not end"]
    except Exception as error:  # whatever gets out is a finding
        typed, wrong = [], [f"it ended with {type(error).__name__}: {error}"[:300]]
    finally:
        hiding.forget()
    return typed, wrong


def _params(random: Random) -> Any:
    kind = random.random()
    if kind < 0.1:
        return grammar.tree(random)
    params: dict[str, Any] = {"name": random.choice(("echo", grammar.text(random), None, 5, "")), "arguments": grammar.tree(random)}  # fmt: skip
    if random.random() < 0.5:
        params["arguments"] = {
            "password": SECRET,
            "note": f"Bearer {SECRET}",
            grammar.text(random)[:100]: grammar.scalar(random),
        }
    if random.random() < 0.2:
        params["uri"] = random.choice((f"https://u:{SECRET}@a.test/", f"file:///x?token={SECRET}", grammar.scalar(random)))  # fmt: skip
    return grammar.mutated(random, params) if random.random() < 0.5 else params


def _recorded(random: Random, place: Path) -> tuple[list[str], list[str]]:
    recorder = Recorder("http://127.0.0.1:1/mcp")
    typed = []
    for number in range(random.choice((1, 2, 5, 5, 30))):
        message = {"id": number, "method": random.choice((*METHODS, grammar.text(random))), "params": _params(random)}  # fmt: skip
        body = json.dumps(message).encode()
        typed.append(body.decode()[:2_000])
        headers = {
            "Authorization": f"Bearer {SECRET}",
            "MCP-Protocol-Version": random.choice(("2025-11-25", "x", "auto", "\x7f")),
            "User-Agent": random.choice(("a/1", "", "é\x1b[2J/1", "a" * 500)),
            "Accept": "text/event-stream",
            random.choice(("X-Key", "Cookie", "x-é", "A" * 300)): SECRET,
        }
        request = cast("Any", SimpleNamespace(method="POST", headers=headers))
        if (asked := recorder.asked(request, body)) is not None:
            recorder.answered(request, asked, len(body), float(number), random.choice(("", "s", "t")))
    made = recording(recorder.requests)
    if not made.sessions:
        return typed, []
    text = hiding.hide(_text(recorder, made, recorder.target, place / "r.yaml", ()))
    wrong = ["the secret is in it"] if SECRET in text else []
    names = {part.partition("}")[0] for part in text.split("${")[1:]}
    try:
        scenario = scenario_of(yaml_value(text), "r.yaml", dict.fromkeys(names, "v4lue-of-it"))
    except (HarnessError, DocumentError) as error:
        return [*typed, text[:4_000]], [*wrong, f"it cannot be played: {error}"[:300]]
    if sum(len(one.steps) for one in scenario.replay) != made.steps:
        wrong.append("it has other steps than were counted")
    return typed, wrong


def _folder(random: Random, _place: Path) -> tuple[list[str], list[str]]:
    entries = [
        entry for entry in (_entry(random) for _ in range(random.randint(0, 4))) if stays_the_same(entry)
    ]
    left_out = {grammar.text(random): grammar.text(random) for _ in range(random.randint(0, 3))}
    trial = Trial(grammar.text(random), grammar.text(random), tuple(entries), left_out)
    server = random.choice((Server("http://127.0.0.1:1/mcp"), Server(command=("npx", "a b"))))
    wrong = []
    for name, text in files(server, trial).items():
        if name.endswith(".py"):
            wrong += _python(text, len(entries))
        elif name.startswith("scenarios/"):
            wrong += _scenario(name, text, server, entries)
        elif name.endswith((".yaml", ".yml")):
            yaml.safe_load(text)
        elif name.endswith(".md"):
            plain = re.sub(r"```sh\n.*?\n```", "", text, flags=re.DOTALL)
            if re.search(r"(?<!\\)<|\n# |\n```", plain):
                wrong.append(f"{name} has mark-up of the server's")
    return [repr(trial)[:4_000]], wrong


def _entry(random: Random) -> dict[str, Any]:
    """A call of a tool of a server, as JSON could say it."""
    while True:
        arguments = {grammar.text(random)[:200]: grammar.tree(random, 8) for _ in range(random.randint(0, 2))}
        entry = {"call": grammar.text(random), "args": arguments}
        try:
            return dict(json_value(json.dumps(entry)))
        except DocumentError:
            continue


def _scenario(name: str, text: str, server: Server, entries: list[dict[str, Any]]) -> list[str]:
    read = yaml_value(text)
    if not set(read) <= OWN or read["target"] != server.target():
        return [f"{name} has other keys"]
    if entries and read["workload"] != entries:
        return [f"{name} has another workload"]
    try:
        scenario_of(read, name)
    except HarnessError as error:
        return [f"{name} cannot be run: {error}"[:300]]
    return []


def _python(text: str, calls: int) -> list[str]:
    """A module that defines one thing, and nothing else; each call once."""
    body = ast.parse(text).body
    kinds = [type(node).__name__ for node in body]
    found = sum(isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "call" for node in ast.walk(body[-1]))  # fmt: skip
    if kinds[-1] not in {"ClassDef", "FunctionDef"} or set(kinds[:-1]) - {"Expr", "ImportFrom", "Import", "Assign"}:  # fmt: skip
        return [f"the module has {kinds}"]
    return ["a call more or less"] if kinds[-1] == "ClassDef" and calls and found != calls else []
