"""`harness`: the table of commands. A command's module is imported when it is used, so help is quick.

Results go to standard output, progress and logs to standard error. Errors are three short lines (what, why,
what to do), no traceback unless --debug. Exit codes: harness/foundation/errors.py.
"""

import difflib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from harness import __version__
from harness.cli import streams
from harness.cli.hidden_stream import hidden_streams
from harness.foundation import environment
from harness.foundation.errors import INTERNAL, INTERRUPTED, PASSED, USAGE, HarnessError
from harness.foundation.secrets import sources
from harness.foundation.units import said
from harness.foundation.untrusted import printable
from harness.run_directory.disk_space import blame, enough_memory

COLLECTED_EVERY = 20_000  # new objects; with 700 it would look through all modules again and again
LINES_MOST = 30  # the most lines of an error, whatever text of a file it quotes

# name -> (module, one line about the command)
COMMANDS: dict[str, tuple[str, str]] = {
    "ramp": ("harness.cli.ramp", "Add users in steps until calls fail; name the breaking point."),
    "sustain": ("harness.cli.sustain", "Run a fixed number of users for a fixed time."),
    "rate": ("harness.cli.rate", "Send calls at a rate, whether or not the server keeps up."),
    "bench": ("harness.cli.bench", "Make a fixed number of calls with a fixed concurrency."),
    "suite": ("harness.cli.suite", "Run bench, ramp, then sustain at the last good level."),
    "capacity": ("harness.cli.capacity", "Search for the largest load at which objectives hold."),
    "run": ("harness.cli.run", "Run a scenario file."),
    "chaos": ("harness.cli.chaos", "Run a Chaos Toolkit experiment, or every fault, under load."),
    "plan": ("harness.cli.plan", "Print the timeline of a scenario without running it."),
    "report": ("harness.cli.report", "Read an earlier run again and write its report."),
    "compare": ("harness.cli.compare", "Compare two groups of runs: is B slower than A?"),
    "trend": ("harness.cli.trend", "Show the figures of past runs, and where they changed."),
    "calibrate": ("harness.cli.calibrate", "Find out which changes comparisons can detect here."),
    "nightly": ("harness.cli.nightly", "Run a scenario five times; compare with earlier nights."),
    "history": ("harness.cli.history", "List, show, import and export the runs of the history."),
    "baseline": ("harness.cli.baseline", "Choose the runs that later ones are compared with."),
    "runs": ("harness.cli.runs", "List earlier runs, or remove old ones."),
    "verify": ("harness.cli.verify", "Check whether a deployment is fit to serve."),
    "sessions": ("harness.cli.sessions", "Find out how many sessions a server holds, and what each costs."),
    "leak": ("harness.cli.leak", "Find out whether a server frees the memory of ended sessions."),
    "idle": ("harness.cli.idle", "Find out who closes idle streams, connections and sessions."),
    "discover": ("harness.cli.discover", "Ask a server which protocol it speaks and which tools it has."),
    "init": ("harness.cli.init", "Make a folder with scenarios, checks and a CI job for one server."),
    "record": ("harness.cli.record", "Record a client's requests as a scenario to run."),
    "serve": ("harness.cli.serve", "Start the reference MCP server."),
    "doctor": ("harness.cli.doctor", "Show what is installed, what answers, and what is missing."),
    "toxiproxy": (
        "harness.cli.toxiproxy",
        "Install, start or look at Toxiproxy, for faults on links.",
    ),
}


def _show_tracebacks(ctx: click.Context, param: click.Parameter, value: object) -> None:
    del ctx, param
    if value:
        os.environ["HARNESS_DEBUG"] = "1"


DEBUG = click.Option(
    ["--debug"], is_flag=True, expose_value=False, callback=_show_tracebacks, help="Show Python tracebacks."
)


def with_debug(command: click.Command) -> click.Command:
    """Add --debug to a command and its subcommands: users append it to a command line that failed."""
    if DEBUG not in command.params:
        command.params.append(DEBUG)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        with_debug(each)
    return command


class CommandTable(click.Group):
    """A group that finds its commands in COMMANDS, and answers a mistyped one with a suggestion."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        enough_memory()
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return with_debug(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            close = difflib.get_close_matches(args[0][:100], COMMANDS, 1)
            hint = f"Did you mean `harness {close[0]}`?" if close else "See `harness --help` for the commands"
            raise click.UsageError(f"There is no command {said(args[0])}. {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="harness", message="%(prog)s %(version)s")
def cli() -> None:
    """Load and chaos testing for MCP servers, with numbers you can trust.

    Without --url every command tests the reference server that ships with the harness, which it starts
    and stops itself:

        harness ramp --max 50
    """


cli.params.append(DEBUG)


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    gc.set_threshold(COLLECTED_EVERY)
    with streams.guarded() as output:
        code = run(sys.argv[1:] if argv is None else argv)
    sys.exit(output.code(code))


def run(argv: Sequence[str]) -> int:
    """Run a command line; return its exit code."""
    with hidden_streams():
        return _run(argv)


def _run(argv: Sequence[str]) -> int:
    """Register the secrets, run the command, and turn every error into three lines; return the exit code."""
    environment.begin()
    try:
        sources.command(argv)
        sources.environment(os.environ)
        code: Any = cli.main(args=list(argv), prog_name="harness", standalone_mode=False)
    except HarnessError as error:
        return _say(error, error.exit_code, error.lines())
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return USAGE
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "harness"
        return _say(error, USAGE, [error.format_message(), f"See `{command} --help`"])
    except click.ClickException as error:
        return _say(error, USAGE, [error.format_message()])
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except Exception as error:
        if (cause := blame(error)) is not None:
            return _say(error, cause.exit_code, cause.lines())
        # a bug of ours: say so, and how to see details
        lines = [
            f"A bug in the harness: {type(error).__name__}: {error}",
            "",
            "Run again with --debug for details",
        ]
        return _say(error, INTERNAL, lines)
    return code if isinstance(code, int) else PASSED


def _say(error: BaseException, code: int, lines: list[str]) -> int:
    if os.environ.get("HARNESS_DEBUG"):
        traceback.print_exception(error)
    first, *more = [line for text in lines for line in text.splitlines()[:LINES_MOST]] or [""]
    printed = ["Error: " + first, *("  " + line for line in more[:LINES_MOST])]
    click.echo(printable.lines("\n".join(printed)), err=True)
    return code
