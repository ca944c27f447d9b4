"""`harness verify --deploy-simulation`: a server that is started for it, and deployed in the middle."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.verify_output import checklist, kept, told
from harness.foundation.errors import UsageError
from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.verify.settings import Settings


def simulated(
    settings: "Settings",
    spec: Path | None,
    paths: tuple[str, ...],
    out: Path,
    options: list[str],
    *,
    history: bool,
    as_json: bool,
) -> int:
    from harness.cli.load_command import check_options
    from harness.run_directory import private_files
    from harness.verify.results import files
    from harness.verify.simulation import Simulated
    from harness.verify.suite import simulate
    from harness.verify.target import CLOCK

    own = settings.spec.target
    if settings.url.strip() or (spec is not None and own is None):
        raise UsageError(
            "--deploy-simulation starts a server of its own",
            "--url, HARNESS_URL and a verify.yaml without `target` are of another one, which is not ours to deploy",
            "Leave them out, say in verify.yaml how yours is started (target {command, ready}), or leave --deploy-simulation out",
        )
    if settings.auth_flag:
        raise UsageError(
            "--auth is for a deployment at --url",
            "--deploy-simulation starts a server of its own, which gives no tokens",
            "Leave it out; headers that your server asks for are given with -H",
        )
    if own is not None and options:
        raise UsageError(
            "--target-options are for the reference server",
            "verify.yaml names a command of yours (target)",
            "Write the options into that command",
        )
    check_options(options)
    options = asyncio.run(_vetted(options, settings.allowed_hosts))
    private_files.begin()
    place = files.create(out, CLOCK.utc())
    shown = checklist(as_json=as_json)
    shown.began(
        "a server of yours that is started for it" if own else "a reference server that is started for it"
    )
    asked = Simulated(settings.spec) if own else Simulated(options=tuple(options))
    suite = simulate(settings, paths, shown.ended, place, asked, _note)
    told(suite, place, shown, as_json=as_json)
    return kept(suite, settings, place, history=history)


async def _vetted(options: list[str], allowed_hosts: tuple[str, ...]) -> list[str]:
    """The options with numbers in the place of names; raise UsageError for an address where no run may go."""
    from harness.conduct.setup import vetted_addresses
    from harness.foundation.addresses import resolved

    wanted = vetted_addresses.behind(options, {})  # the environment's are not used
    with resolved.in_force(await vetted_addresses.looked_up(wanted, allowed_hosts)):
        return await vetted_addresses.by_number(options)


def _note(line: str) -> None:
    click.echo(printable.printable(line), err=True)
