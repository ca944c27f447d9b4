"""What a verification is told: by options of pytest, which `harness verify` fills in, or by HARNESS_URL."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from harness.foundation.errors import UsageError
from harness.foundation.secrets import sources
from harness.foundation.units import duration_s, show_duration
from harness.scenario.auth import Auth, read_flag
from harness.scenario.read import target_of
from harness.verify.spec import read as reading
from harness.verify.spec.model import Spec

TIMEOUT: Final = "10s"
HELP: Final = {
    "--verify-url": "address of the deployment [default: HARNESS_URL]",
    "--verify-auth": "where the bearer token comes from, as for --auth of `harness verify`",
    "--verify-timeout": f"time limit for one exchange [default: {TIMEOUT}]",
    "--verify-spec": "verify.yaml: what is expected of the deployment",
    "--verify-out": "directory for the list of what must be removed [default: HARNESS_OUT, or reports]",
    "--verify-priority": "only checks of this priority: 1 or 2",
}
REPEATABLE: Final = {
    "--verify-header": "HTTP header to send with every request, 'Name: value'",
    "--verify-allow-host": "host other than this machine that may be connected to",
    "--verify-category": "only checks of this category",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one verification."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth_flag: str = field(default="", repr=False)  # --auth, as it was written
    timeout_s: float = 10.0
    allowed_hosts: tuple[str, ...] = ()
    priority: int | None = None
    categories: frozenset[str] = frozenset()
    keep_going: bool = False
    pattern: str = ""  # of pytest's -k
    spec_path: str = ""
    spec: Spec = field(default_factory=Spec, repr=False)
    allow_writes: bool = False
    allow_deploy: bool = False  # to run the commands of verify.yaml that deploy it or stop its workers

    @property
    def auth(self) -> Auth | None:
        """Where the token of all requests comes from; UsageError for what cannot be read."""
        if not self.auth_flag:
            return None
        return target_of({"url": self.url, "auth": read_flag(self.auth_flag)}, "harness verify --auth").auth

    def options(self) -> list[str]:
        """What pytest is told, so that `read` finds the same."""
        words = [f"--verify-url={self.url}", f"--verify-timeout={show_duration(self.timeout_s)}"]
        words += [f"--verify-header={name}: {value}" for name, value in self.headers.items()]
        words += [f"--verify-auth={self.auth_flag}"] if self.auth_flag else []
        words += [f"--verify-allow-host={host}" for host in self.allowed_hosts]
        words += [f"--verify-category={name}" for name in sorted(self.categories)]
        words += [f"--verify-priority={self.priority}"] if self.priority else []
        words += ["--verify-keep-going"] if self.keep_going else []
        words += ["--verify-allow-writes"] if self.allow_writes else []
        words += ["--verify-allow-deploy"] if self.allow_deploy else []
        words += [f"--verify-spec={self.spec_path}"] if self.spec_path else []
        return words + (["-k", self.pattern] if self.pattern else [])


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("verify", "verification of a deployment (harness.verify.plugin)")
    for name, about in HELP.items():
        group.addoption(name, help=about)
    for name, about in REPEATABLE.items():
        group.addoption(name, action="append", default=[], help=f"{about}; repeatable")
    group.addoption("--verify-keep-going", action="store_true", help="keep going after a P1 check has failed")
    group.addoption("--verify-allow-writes", action="store_true", help="allow checks that write")
    group.addoption(
        "--verify-allow-deploy", action="store_true", help="allow checks that run the commands of verify.yaml"
    )


def read(option: Callable[[str], Any]) -> Settings:
    """What pytest was told; secrets in it are known from here on."""
    headers = dict(_header(text) for text in option("--verify-header"))
    url = url_of(option)
    sources.headers(headers)
    sources.url(url)
    priority, path = option("--verify-priority"), option("--verify-spec") or ""
    return Settings(
        url=url,
        headers=headers,
        auth_flag=option("--verify-auth") or "",
        timeout_s=duration_s(option("--verify-timeout") or TIMEOUT),
        allowed_hosts=tuple(option("--verify-allow-host")),
        priority=int(priority) if priority else None,
        categories=frozenset(option("--verify-category")),
        keep_going=bool(option("--verify-keep-going")),
        pattern=option("keyword") or "",
        spec_path=path,
        spec=reading.read_file(Path(path)) if path else Spec(),
        allow_writes=bool(option("--verify-allow-writes")),
        allow_deploy=bool(option("--verify-allow-deploy")),
    )


def url_of(option: Callable[[str], Any]) -> str:
    """The address of the deployment."""
    return str(option("--verify-url") or os.environ.get("HARNESS_URL", ""))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(
            "A header is malformed",
            "It has no colon. It is not shown, because it may be a secret",
            "Write it as 'Name: value'",
        )
    return name.strip(), value.strip()
