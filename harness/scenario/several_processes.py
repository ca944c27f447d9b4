"""A target that runs as several processes: each has a port of its own, which a command of the user's is told as `{port}`."""

from dataclasses import replace
from typing import Final

from harness.foundation.errors import UsageError
from harness.scenario.model import Target

PORT: Final = "{port}"
ANY_PORT: Final = 1  # where only the rest of an address matters


def at_port(target: Target, port: int) -> Target:
    """Return the target as the process at this port is started and reached."""
    if not target.command:
        return target

    def put(text: str) -> str:
        return text.replace(PORT, str(port))

    return replace(
        target,
        command=[put(word) for word in target.command],
        env={name: put(value) for name, value in target.env.items()},
        url=target.url and put(target.url),
        ready=target.ready and put(target.ready),
    )


def check_several(target: Target, path: str) -> None:
    """Raise UsageError unless the harness can start this target several times."""
    if target.is_stdio or (target.url and not target.command):
        raise UsageError(
            f"{path} is for a server with an address that the harness starts",
            "It starts several processes of it, and a balancer in front of them",
            "Give target.command, by which it is started, or leave the target out for the reference server",
        )
    if not target.command:
        return
    started = [*target.command, *target.env.values()]
    reached = [address for address in (target.url, target.ready) if address]
    if not any(PORT in text for text in started) or not all(PORT in address for address in reached):
        raise UsageError(
            f"{path}: each process needs a port of its own",
            f"{PORT} must be in target.command (or in target.env), and in the address at which it is ready",
            f"command: [my-server, --port, '{PORT}'], url: http://127.0.0.1:{PORT}/mcp",
        )
