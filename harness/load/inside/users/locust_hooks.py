"""What plain `locust -f` is told beside users: our options, and the offer of a worker to its master."""

from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser

from harness.scenario.model import PROTOCOLS


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _options(parser: LocustArgumentParser) -> None:
    """Add the options for plain `locust -f`.

    A token comes by the environment only, as anybody can read a command line.
    """
    from harness.load.inside.distributed.sealing import seal_as_told

    seal_as_told()
    parser.add_argument(
        "--mcp-protocol", default="auto", choices=PROTOCOLS, help="How to speak to the server"
    )
    parser.add_argument(
        "--mcp-header", action="append", metavar="'Name: value'", help="Sent with every request"
    )
    parser.add_argument(
        "--mcp-allow-host",
        action="append",
        metavar="HOST",
        env_var="HARNESS_ALLOW_HOST",
        help="A worker of `harness ... --expect-workers`: a host other than this machine that it may load; repeatable",
    )
    parser.add_argument(
        "--call", default="", metavar="TOOL", help="workload.py, clients.py: the tool to call"
    )
    parser.add_argument(
        "--recording", default="", metavar="FILE", help="replay.py: the file that `harness record` wrote"
    )
    parser.add_argument("--args", default="{}", metavar="JSON", help="workload.py, clients.py: its arguments")


@events.init.add_listener  # type: ignore[untyped-decorator]
def _join(environment: Any, runner: Any, **_: Any) -> None:
    """Offer this worker to its master, which may belong to the harness."""
    from harness.load.inside.distributed.remote import offer

    offer(environment, runner)
