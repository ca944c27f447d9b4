"""RabbitMQ: one of our own for the run, as a child, unless AMQP_URL names the user's.

    async with own(log_dir) as url:                               # amqp://harness:...@127.0.0.1:PORT/

No other broker of the machine is touched: ports, data, Erlang's cookie and its directory of nodes (epmd, a child too)
are its own. It has one user, with a random password, who may do everything in the virtual host "/". It takes
about ten seconds to start. It is ended by SIGKILL: an orderly end takes six seconds, to save data nobody
needs.

It knows nothing of queues: its users declare their own.
"""

import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.foundation.errors import ServiceError
from harness.foundation.secrets.hiding import learn
from harness.services.processes import programs, readiness, temporary
from harness.services.processes.ports import free_port, is_taken
from harness.services.processes.process import running

HOST, PACKAGE, VARIABLE = "127.0.0.1", "rabbitmq-server", "AMQP_URL"
# Debian's wrapper on PATH serves root and its own user only; the program behind it serves everybody.
DIRECTORY = "epmd"  # of Erlang's nodes
PROGRAMS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
USER = "harness"
TRIES, START_S = 3, 120.0


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker of our own; `management_url` is set if it was asked for and the package has that plugin."""

    url: str = field(repr=False)
    management_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Ports:
    """All ports that one node listens on."""

    amqp: int = field(default_factory=free_port)
    management: int = field(default_factory=free_port)
    nodes: int = field(default_factory=free_port)
    distribution: int = field(default_factory=free_port)

    def taken(self) -> bool:
        return any(map(is_taken, (self.amqp, self.management, self.nodes, self.distribution)))


def program() -> str:
    """Return the path of the program that would be started."""
    server = programs.of_server("RabbitMQ", PACKAGE, VARIABLE, *PROGRAMS)
    programs.of_server("RabbitMQ", PACKAGE, VARIABLE, DIRECTORY)
    return server


@asynccontextmanager
async def own(log_dir: Path) -> AsyncIterator[str]:
    """Start a broker for this run in a temporary directory; yield its URL."""
    async with temporary.directory("rabbitmq") as place, started(place, log_dir) as broker:
        yield broker.url


@asynccontextmanager
async def started(place: Path, log_dir: Path, *, management: bool = False) -> AsyncIterator[Broker]:
    """Start a broker whose data are in `place`; its logs are rabbitmq.log and epmd.log in `log_dir`."""
    server = program()
    managed = management and _has_management(server)
    for tries_left in reversed(range(TRIES)):
        ports, password, serving = _Ports(), secrets.token_hex(16), False
        learn(password)
        try:
            async with _node(place, log_dir, server, ports, password, managed=managed):
                serving = True
                web = f"http://{USER}:{password}@{HOST}:{ports.management}" if managed else None
                yield Broker(f"amqp://{USER}:{password}@{HOST}:{ports.amqp}/", web)
                return
        except ServiceError:
            if serving or not tries_left or not ports.taken():
                raise


@asynccontextmanager
async def _node(
    place: Path,
    log_dir: Path,
    server: str,
    ports: _Ports,
    password: str,
    *,
    managed: bool,
) -> AsyncIterator[None]:
    environment = _environment(place, ports)
    _configure(place, ports, password, managed=managed)
    log = (log_dir / "rabbitmq.log").absolute()
    async with (
        running(
            [str(programs.found(DIRECTORY)), "-port", str(ports.nodes), "-address", HOST],
            name="epmd",
            log=log.with_name("epmd.log"),
            ready=readiness.port(ports.nodes),
            part="epmd",
        ),
        running(
            [server],
            name="rabbitmq",
            log=log,
            env=environment,
            cwd=place,
            ready=readiness.line("Server startup complete", log),
            ready_s=START_S,
            stop_signal=signal.SIGKILL,
            part="rabbitmq",
        ),
    ):
        yield


def _configure(place: Path, ports: _Ports, password: str, *, managed: bool) -> None:
    settings = [
        f"listeners.tcp.1 = {HOST}:{ports.amqp}",
        f"default_user = {USER}",
        f"default_pass = {password}",
        "log.console = true",
        "log.file = false",
        "disk_free_limit.absolute = 1MB",
    ]
    if managed:
        settings += [f"management.tcp.ip = {HOST}", f"management.tcp.port = {ports.management}"]
    file = place / "rabbitmq.conf"
    file.touch(mode=0o600)
    file.write_text("\n".join([*settings, ""]), encoding="ascii")
    (place / "plugins").write_text("[rabbitmq_management].\n" if managed else "[].\n", encoding="ascii")


def _environment(place: Path, ports: _Ports) -> dict[str, str]:
    """Return the environment that separates it from every other node; each start has data of its own."""
    name = secrets.token_hex(4)
    return {
        "HOME": str(place),  # the cookie
        "LANG": "C.UTF-8",
        "ERL_EPMD_PORT": str(ports.nodes),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_NODENAME": f"harness-{name}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(ports.amqp),
        "RABBITMQ_DIST_PORT": str(ports.distribution),
        "RABBITMQ_MNESIA_BASE": str(place / "data"),
        "RABBITMQ_LOG_BASE": str(place / "log"),
        "RABBITMQ_PID_FILE": str(place / "pid"),
        "RABBITMQ_CONFIG_FILE": str(place / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": str(place / "none"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(place / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(place / "plugins"),
        # Two schedulers are plenty, and the other nodes that it waits for are not there.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        "RUNNING_UNDER_SYSTEMD": "true",  # the script becomes the server, instead of staying as its parent
    }


def _has_management(server: str) -> bool:
    """Whether the management plugin is where Debian installs it: beside the program's scripts."""
    plugins = Path(server).resolve().parents[1] / "plugins"
    return any(plugins.glob("rabbitmq_management-[0-9]*"))
