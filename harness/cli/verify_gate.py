"""`harness verify --serve`: the same command again for each question, without what is the gate's own."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from harness.foundation.errors import UsageError
from harness.foundation.untrusted import printable

if TYPE_CHECKING:
    from harness.verify.settings import Settings

OF_THE_GATE = {"serve", "out", "as_json"}
ALONE = {"only_list": "--list", "learn": "--learn", "deploy_simulation": "--deploy-simulation"}


def gate(place: str, settings: "Settings", out: Path) -> int:
    """Serve until a signal. What cannot be verified from here at all is said before."""
    from harness.run_directory import private_files
    from harness.verify.gate.listen_address import place_of
    from harness.verify.gate.serving import Gate, serve
    from harness.verify.opening import opened

    context = click.get_current_context()
    for name, flag in ALONE.items():
        if context.params.get(name):
            raise UsageError(
                f"--serve and {flag} do not go together",
                "A gate answers whether a deployment that is there is fit to serve",
                f"Leave {flag} out",
            )
    where = place_of(place)
    with opened(settings):
        pass
    private_files.begin()
    return serve(Gate(where, words(context), out), _ready)


def words(context: click.Context) -> tuple[str, ...]:
    """The words that were typed, as the options that they were taken for; what came from the environment still does."""
    from harness.verify.gate.serving import words_of

    typed = [
        _said(param, context.params[param.name])
        for param in context.command.params
        if isinstance(param, click.Option)
        and param.name in context.params
        and param.name not in OF_THE_GATE
        and context.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
    ]
    paths = context.params["paths"]
    return (*words_of(typed), *(("--", *paths) if paths else ()))


def _said(param: click.Option, value: object) -> tuple[list[str], object]:
    """The names of an option, and what was given; the other one of two flags is said by its own name."""
    return (param.secondary_opts, True) if value is False and param.secondary_opts else (param.opts, value)


def _ready(url: str) -> None:
    click.echo(f"harness verify gate ready on {url}")
    click.echo(printable.printable(f"GET {url} verifies; Ctrl-C ends it"), err=True)
