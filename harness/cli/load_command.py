"""The common part of all load commands: conduct the scenario, show the result, return the exit code.

A first Ctrl-C or SIGTERM ends the load and reads what there is (exit 130). A second one leaves at once (exit 130): the
janitor ends what was started. While the report is written the first changes nothing: it is written, and the exit code is the
run's own (`harness.conduct.interrupts`).
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import click
from click.core import ParameterSource

from harness.conduct.live.progress import Plain, Progress, Terminal
from harness.conduct.run import conduct_run
from harness.conduct.run_values import FinishedRun, RunRequest, Steered
from harness.foundation.errors import INTERRUPTED, UsageError
from harness.foundation.untrusted.printable import printable
from harness.run_directory import private_files
from harness.run_directory.disk_space import enough_memory
from harness.scenario.read import scenario_of

# Settings of the reference server that a run decides itself.
DECIDED: Final = {"host", "port", "database_url", "worker"}


def conduct(
    command: str,
    data: Mapping[str, Any],
    given: Mapping[str, Any],
    source: str = "",
    steered: Steered | None = None,
) -> int:
    """Make a run and print its results; return its exit code."""
    from harness.cli.output import publish_to_ci, show

    finished = made(command, data, given, source, steered)
    if finished.reading is None:
        return INTERRUPTED
    with suppress(KeyboardInterrupt):  # the report is written, and the rest is quick
        show(finished.reading, "json" if given["as_json"] else "terminal")
        publish_to_ci(finished.reading)
    to_history(finished, given)
    return finished.exit_code


def to_history(finished: FinishedRun, given: Mapping[str, Any], night: str = "") -> None:
    """Bring the run into the history, unless that is switched off; what goes wrong is a warning."""
    if not given.get("history") or finished.run_dir is None or finished.reading is None:
        return
    from harness.history.adding import arrive

    allowed = [*finished.allowed_hosts, *given["allowed_hosts"]]
    warning = arrive(finished.run_dir, allowed, interrupted=finished.exit_code == INTERRUPTED, night=night)
    if warning:
        click.echo(printable(f"Warning: {warning}"), err=True)


def made(
    command: str,
    data: Mapping[str, Any],
    given: Mapping[str, Any],
    source: str = "",
    steered: Steered | None = None,
) -> FinishedRun:
    """Make a run; return it as it ended."""
    enough_memory(run=True)
    names = [fault.name for fault in steered.experiment.faults] if steered else []
    scenario = scenario_of(data, source or f"harness {command}", fault_names=names)
    check_options(scenario.target.options)
    private_files.begin()
    argv = ("harness", *sys.argv[1:])
    asked = RunRequest(
        scenario=scenario,
        command=command,
        argv=argv,
        out=given["out"],
        steered=steered,
        prometheus=given["prometheus"],
        web=given["web"],
    )
    return asyncio.run(_with_signals(asked, progress()))


def check_options(words: list[str]) -> None:
    """Check the reference server's options before anything starts: those of `harness serve`."""
    if not words:
        return
    from harness.cli.serve import command
    from harness.reference.flags import FLAGS

    # Without the option for help, which would print it and end well.
    context = command.make_context("harness serve", list(words), help_option_names=[])
    for option in command.params:
        name = str(option.name)
        if (name in DECIDED or name not in FLAGS) and context.get_parameter_source(
            name
        ) is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"{option.opts[0]} cannot be given to the reference server of a run",
                "The run itself sets the address and the database of this server",
                "Leave it out",
            )


def progress() -> Progress:
    """Return a progress line for a terminal, plain lines elsewhere."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return Terminal(width=os.get_terminal_size(sys.stderr.fileno()).columns or 100)
    return Plain()


async def _with_signals(asked: RunRequest, shown: Progress) -> FinishedRun:
    task = asyncio.ensure_future(conduct_run(asked, shown))
    loop = asyncio.get_running_loop()

    pressed = 0

    def interrupt() -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 1:
            try:
                shown.note(asked.leaving.second())
            finally:
                os._exit(INTERRUPTED)
        asked.interrupted.set()
        shown.note(asked.leaving.first())

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, interrupt)
    return await task
