"""A deploy of the user's deployment: by the user's own command, or by what an orchestrator is asked for; then it is waited for.

Which process serves is told by a value that verify.yaml names, or by its pid where it can be seen.
"""

from typing import Final
from urllib.parse import urlsplit

from harness.foundation.clock import Clock
from harness.foundation.units import show_duration
from harness.foundation.untrusted.printable import printable
from harness.mcp import outcome
from harness.mcp.messages import Request
from harness.verify.backends import command, page, process
from harness.verify.finding import fail
from harness.verify.spec import backends
from harness.verify.startup import until_up
from harness.verify.target import Deploy, Target

VALUE_CHARS: Final = 100
APART_S: Final = 0.5


def deploy_of(target: Target, clock: Clock) -> Deploy | None:
    """Return the way to deploy; None if verify.yaml does not declare one."""
    declared = target.spec.deploy
    if declared is None:
        return None

    async def replace() -> None:
        for argv in orders(declared):
            ran = command.run(argv, declared.within)
            if not ran.well:
                fail(f"the deploy {ran.how()}")
        ends_ns = clock.now_ns() + int(declared.ready * 1e9)
        while not (await until_up(target, declared.ready, clock) and await _is_well(target)):
            if clock.now_ns() > ends_ns:
                fail(f"it was not ready {show_duration(declared.ready)} after its deploy")
            await clock.sleep(APART_S)

    return Deploy(replace, lambda: _who(target, declared))


def orders(declared: backends.Deploy) -> list[str | list[str]]:
    """The commands, one after the other: a text is for the shell."""
    if declared.command:
        return [declared.command]
    limit = f"{max(1, int(declared.within))}s"
    if declared.kubernetes:
        rollout = ["kubectl", "rollout"]
        return [
            [*rollout, "restart", declared.kubernetes],
            [*rollout, "status", declared.kubernetes, f"--timeout={limit}"],
        ]
    if declared.compose:
        return [
            [
                "docker",
                "compose",
                "up",
                "--detach",
                "--no-deps",
                "--force-recreate",
                "--wait",
                declared.compose,
            ]
        ]
    return [["systemctl", "restart", declared.systemd]]


async def _is_well(target: Target) -> bool:
    """Its page of health says so, where verify.yaml names one."""
    health = target.spec.health
    if health is None:
        return True
    asked = Request("health", b"", (("Accept", "*/*"),), None, "GET", health.contains.encode())
    return (await target.attempt(asked, f"{target.places.base}{health.url}")).outcome == outcome.OK


def _who(target: Target, declared: backends.Deploy) -> str | None:
    """Return what identifies the process that answers, as verify.yaml or its pid says; None if neither does."""
    if declared.changes is not None:
        url = f"{target.places.base}{declared.changes.get}"
        answer = target.run(page.asked("GET", url, target.headers, target.settings.timeout_s))
        value = page.at(answer.value, declared.changes.value)
        if value is None:
            fail(
                f"GET {declared.changes.get} has no {printable(declared.changes.value, VALUE_CHARS)}: {answer.why or 'it is not there'}"
            )
        return printable(str(value), VALUE_CHARS)
    pid = pid_of(target)
    return None if pid is None else f"process {pid}"


def pid_of(target: Target) -> int | None:
    """The process that serves, where it can be seen from here."""
    if target.spec.process is None:
        return None
    at = urlsplit(target.places.base)
    return process.pid_of(
        target.spec.process, at.hostname or "", at.port or (443 if at.scheme == "https" else 80)
    )
