"""The files that `harness init` writes, as texts; pure.

They are written for one server, from what was tried; every command in the README works as it stands there.
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from harness.cli.init_trial import Trial
from harness.foundation.untrusted.printable import printable
from harness.mcp import stdio_address
from harness.mcp.json_object import JsonObject

VERIFY: Final = "verify.yaml"
LIST_ONLY: Final[JsonObject] = {"list": "tools"}


@dataclass(frozen=True, slots=True)
class Server:
    """The server as the files name it: without secrets, with ${NAME} where they were."""

    url: str = ""
    command: tuple[str, ...] = ()
    protocol: str = "auto"
    headers: Mapping[str, str] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()

    @property
    def is_own(self) -> bool:
        """Whether it is the user's, and not the reference server."""
        return bool(self.url or self.command)

    def target(self) -> dict[str, object]:
        """As a scenario has it."""
        if not self.is_own:
            return {}
        target: dict[str, object] = (
            {"transport": "stdio", "command": list(self.command)} if self.command else {"url": self.url}
        )
        if self.protocol != "auto":
            target["protocol"] = self.protocol
        return target | ({"headers": dict(self.headers)} if self.headers else {})

    def flags(self) -> str:
        """As a command line has it."""
        words = ["--command", shlex.join(self.command)] if self.command else []
        words += ["--url", self.url] if self.url else []
        words += [] if self.protocol == "auto" or self.command else ["--protocol", self.protocol]
        for host in self.allowed:
            words += ["--allow-host", host]
        for name, value in self.headers.items():
            words += ["-H", f"{name}: {value}"]
        return " ".join(map(shlex.quote, words))


def files(server: Server, trial: Trial) -> dict[str, str]:
    """All of them, by their path; verify.yaml is learnt from the server itself."""
    texts = {
        "README.md": _readme(server, trial),
        "scenarios/first.yaml": _first(server, trial),
        "scenarios/nightly.yaml": _nightly(server, trial),
        "locustfiles/users.py": _users(trial),
        "reports/.gitignore": "*\n!.gitignore\n",
        ".github/workflows/harness.yml": _workflow(server),
    }
    if server.command:
        texts["chaos/killed.yaml"] = _experiment(server, trial, "killed")
    else:
        texts["chaos/slow-network.yaml"] = _experiment(server, trial, "slow-network")
    if server.is_own:
        texts["tests/test_p2_own.py"] = _check(trial)
    return texts


def _dumped(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None))


def _workload(trial: Trial) -> list[JsonObject]:
    return list(trial.works) or [LIST_ONLY]


def _common(server: Server, trial: Trial) -> dict[str, object]:
    common: dict[str, object] = {"target": server.target()} if server.is_own else {}
    if server.allowed:
        common["allowed_hosts"] = list(server.allowed)
    return common | ({"workload": _workload(trial)} if server.is_own else {})


def _left_out(trial: Trial) -> str:
    lines = [f"#   {printable(name)}: {printable(why)}" for name, why in list(trial.left_out.items())[:30]]
    if not lines:
        return ""
    head = "# Not called; to call one, add `- {call: NAME, args: {...}}` to the workload:"
    return "\n".join([head, *lines]) + "\n"


def _first(server: Server, trial: Trial) -> str:
    remark = "Every tool below was called once, with these arguments, when this file was written."
    if not trial.works and server.is_own:
        remark = (
            "No tool could be called without knowing more of it: this lists the tools. Name one (see below)."
        )
    body: dict[str, object] = {"name": "first"} | _common(server, trial)
    body["load"] = [{"name": "steady", "sustain": {"users": 4, "for": "20s"}}]
    body["think"] = False
    body["objectives"] = ["success_rate >= 99%"]
    return f"# harness run scenarios/first.yaml\n# {remark}\n{_left_out(trial)}{_dumped(body)}"


def _nightly(server: Server, trial: Trial) -> str:
    body: dict[str, object] = {"name": "nightly"} | _common(server, trial)
    top, step = (4, 2) if server.command else (20, 5)
    body["warm_up"] = "5s"
    body["load"] = [
        {"name": "climb", "ramp": {"to": top, "step": step, "hold": "10s"}},
        {"name": "steady", "sustain": {"users": "last_good", "for": "60s"}},
    ]
    body["think"] = False
    body["objectives"] = ["success_rate >= 99%"]
    return (
        "# harness nightly      (five runs of this, compared with the last good nights)\n"
        "# Add the objectives that matter to you, such as p95 < 500ms.\n"
        f"{_dumped(body)}"
    )


def _experiment(server: Server, trial: Trial, name: str) -> str:
    title, fault = {
        "slow-network": ("Calls succeed when replies take 200 ms longer", "latency:name=slow,latency=200ms"),
        "killed": ("Calls succeed again after all processes were killed", "kill:name=slow"),
    }[name]
    apply, heal = (
        {"type": "python", "module": "harness.faults.toolkit", "func": func, "arguments": arguments}
        for func, arguments in (("apply", {"fault": fault}), ("heal", {"name": "slow"}))
    )
    probe = {
        "type": "python",
        "module": "harness.faults.toolkit",
        "func": "success_rate",
        "arguments": {"last": "3s"},
    }
    body = {
        "title": title,
        "description": "Users call the server while it happens, and none of their calls may fail afterwards.",
        "controls": [
            {"name": "load", "provider": {"type": "python", "module": "harness.faults.toolkit.control"}}
        ],
        "steady-state-hypothesis": {
            "title": "Calls succeed",
            "probes": [
                {
                    "type": "probe",
                    "name": "share of calls that succeeded",
                    "tolerance": {"type": "range", "range": [0.99, 1.0]},
                    "provider": probe,
                }
            ],
        },
        "method": [
            {"type": "action", "name": "it begins", "provider": apply, "pauses": {"after": 5}},
            {"type": "action", "name": "it is over", "provider": heal, "pauses": {"after": 6}},
        ],
        "rollbacks": [{"type": "action", "name": "nothing is left of it", "provider": heal}],
    }
    return f"# {_chaos_command(server, trial, name)}\n{_dumped(body)}"


def _chaos_command(server: Server, trial: Trial, name: str) -> str:
    load = ""
    if server.is_own:
        entry = _workload(trial)[0]
        arguments = entry.get("args")
        load = f" {server.flags()}"
        if "call" in entry:
            load += f" --call {shlex.quote(entry['call'])}"
            load += f" --args {shlex.quote(json.dumps(arguments))}" if arguments else ""
    return f"harness chaos chaos/{name}.yaml --no-think{load}".rstrip()


def _users(trial: Trial) -> str:
    calls = [entry for entry in trial.works if "call" in entry] or [{"call": "list_databases", "args": {}}]
    tasks = "\n".join(
        f"    @task\n    def call_{number}(self) -> None:\n        self.call({entry['call']!r}, **{entry['args']!r})\n"
        for number, entry in enumerate(calls, start=1)
    )
    return (
        '"""Users of this server in plain Locust, to be changed: locust -f locustfiles/users.py --host URL"""\n\n'
        "from locust import between, task\n\nfrom harness.load.inside.users import McpUser\n\n\n"
        'class User(McpUser):\n    """Somebody who calls these tools, one after the other, at random."""\n\n'
        f"    wait_time = between(1, 3)\n\n{tasks}"
    )


def _check(trial: Trial) -> str:
    entry = next((entry for entry in trial.works if "call" in entry), None)
    called = (
        f'    reply = client.call({entry["call"]!r}, {entry["args"]!r})\n    assert reply.outcome == "ok", reply.detail\n'
        if entry
        else '    reply = client.request("tools/list", {})\n    assert reply.outcome == "ok", reply.detail\n'
    )
    return (
        '"""Checks of your own beside those of `harness verify`; they run in plain pytest, too (see README.md)."""\n\n'
        "import pytest\n\npytestmark = pytest.mark.tools\n\n\n"
        "def test_a_tool_answers(client):\n"
        '    """Say here what its users rely on, and assert that of reply.value()."""\n'
        f"{called}"
    )


def _secrets(server: Server) -> list[str]:
    return sorted(
        {
            part.partition("}")[0]
            for text in (*server.headers.values(), *server.command, server.url)
            for part in text.split("${")[1:]
        }
    )


def _workflow(server: Server) -> str:
    names = _secrets(server)
    environment = "".join(f"      {name}: ${{{{ secrets.{name} }}}}\n" for name in names)
    steps = ["harness run scenarios/first.yaml"]
    if server.is_own:
        wait = " --wait 60s" if server.url else ""
        steps.insert(0, f"harness verify {_verify_flags(server)}{wait} {VERIFY}")
    start = (
        "      # Start your server here, if the job is to test what was just built.\n" if server.url else ""
    )
    return (
        "name: harness\non: [push]\njobs:\n  harness:\n    runs-on: ubuntu-latest\n    timeout-minutes: 20\n"
        "    env:\n"
        '      HARNESS_HISTORY: "off"\n'
        f"{environment}    steps:\n      - uses: actions/checkout@v4\n"
        "      - uses: actions/setup-python@v5\n        with: {python-version: '3.12'}\n"
        "      - run: pip install mcp-harness  # or the address from which you have it\n"
        f"{start}"
        + "".join(f"      - run: {json.dumps(step)}\n" for step in steps)
        + "      - if: always()\n"
        "        uses: actions/upload-artifact@v4\n        with: {name: reports, path: reports}\n"
    )


def _verify_flags(server: Server) -> str:
    if server.command:
        return f"--command {shlex.quote(shlex.join(server.command))}"
    allowed = "".join(f" --allow-host {shlex.quote(host)}" for host in server.allowed)
    headers = "".join(f' -H "{name}: {value}"' for name, value in server.headers.items())
    return f"--url {shlex.quote(server.url)}{allowed}{headers}"


def _readme(server: Server, trial: Trial) -> str:
    shown = server.url or shlex.join(server.command)
    written = f"Written by `harness init` for `{shown}`, which speaks {_plain(trial.protocol)}."
    if not server.is_own:
        written = "Written by `harness init` for the reference server, which the harness starts itself."
    names = _secrets(server)
    secret = (
        "These files hold no secret. Set these variables first, here and in the CI job: "
        + ", ".join(f"`{name}`" for name in names)
        + ".\n\n"
        if names
        else ""
    )
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(_steps(server, trial), start=1))
    return f"""# Load and chaos tests of {_plain(trial.name)}

{written} Run all of this in this folder.

{secret}{steps}
What is where: `scenarios/` what to run, `chaos/` experiments, `locustfiles/` users for plain Locust, `reports/` what comes out,
`.github/workflows/harness.yml` a CI job.
"""


def _plain(text: str) -> str:
    """A server's words as text of Markdown: no mark-up of theirs."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~&])", r"\\\1", printable(text))


def _steps(server: Server, trial: Trial) -> list[str]:
    """Return the steps of the README, in their order."""
    ramp = f"harness ramp --max {8 if server.command else 20} --hold 5s {_load(server, trial)}".rstrip()
    chaos = [_chaos_command(server, trial, "killed" if server.command else "slow-network")]
    toxiproxy = [] if server.command else ["harness toxiproxy install"]
    steps = [
        _step(
            "A first run: four users for 20 s. It ends with a table, and the path of a report.",
            ["harness run scenarios/first.yaml"],
        )
        + f"\n{_next(server, trial)}\n",
        _step("How many users can it take?", [ramp]),
        _step("What happens when something breaks?", [*toxiproxy, *chaos]),
    ]
    if server.is_own:
        flags = _verify_flags(server)
        plugin = flags.replace("--url ", "--verify-url ").replace("--allow-host ", "--verify-allow-host ")
        if server.command:
            plugin = f"--verify-timeout 90s --verify-url {shlex.quote(stdio_address.address(server.command))}"
        lines = [
            f"harness verify {flags} {VERIFY}",
            f"harness verify {flags} tests/test_p2_own.py",
            f"pytest -p harness.verify.plugin {plugin.replace(' -H ', ' --verify-header ')} tests/",
        ]
        what = f"Is a deployment fit to serve? `{VERIFY}` says what is expected of it, learnt from it just now; `tests/` has a check of your own."
        steps.append(_step(what, lines))
    if not server.command:
        serve = [] if server.url else ["harness serve --port 8000"]
        headers = "".join(f' --mcp-header "{name}: {value}"' for name, value in server.headers.items())
        host = shlex.quote(server.url or "http://127.0.0.1:8000")
        locust = f"locust -f locustfiles/users.py --host {host}{headers}"
        steps.append(
            _step("Users of it in plain Locust, with its web page, written to be changed:", [*serve, locust])
        )
    night = "Every night: five runs, compared with the last good nights. The first has nothing to be compared with."
    return [*steps, _step(night, ["harness nightly scenarios/nightly.yaml"])]


def _step(what: str, lines: list[str]) -> str:
    return "\n".join([what, "", "```sh", *lines, "```", ""])


def _next(server: Server, trial: Trial) -> str:
    if not server.is_own:
        return "`harness init DIR --url URL` makes these files for a server of your own."
    count = len(trial.works)
    called = f"{count} tool{'s' if count != 1 else ''}" if count else "no tool yet, only their list"
    more = f"; {len(trial.left_out)} are left out, and the file says why" if trial.left_out else ""
    return f"It calls {called}{more}. Edit `scenarios/first.yaml` to call what your users call."


def _load(server: Server, trial: Trial) -> str:
    return _chaos_command(server, trial, "x").partition("--no-think")[2].strip()
