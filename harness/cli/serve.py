"""`harness serve`: the reference MCP server, by itself.

Its options are the target's own (`harness/reference/flags.py`), but for those that an embedded database decides.
"""

from collections.abc import Callable
from typing import Any

import click

from harness.reference.flags import FLAGS, option

_OWN = {"host", "port", "database_url"}  # defined below with their own defaults and help


def _settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each setting of the target."""
    for name, flag in reversed(list(FLAGS.items())):
        if name in _OWN:
            continue
        how: dict[str, Any] = {"help": flag.about[0].upper() + flag.about[1:] + "."}
        if flag.present is not None:
            how |= {"is_flag": True, "flag_value": flag.present, "default": None}
        else:
            how |= {"type": click.Choice(flag.choices) if flag.choices else flag.kind, "multiple": flag.many}
        command = click.option(option(name), name, **how)(command)
    return command


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 picks a free port and prints it.",
)
@click.option(
    "--database-url",
    envvar="DATABASE_URL",
    help="PostgreSQL server to use. Without it, an embedded one is started.",
)
@click.option(
    "--drop-schema",
    metavar="NAME",
    help="Do not serve; drop this schema of a reference server, after asking.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--allow-backend",
    "allowed_backends",
    multiple=True,
    metavar="HOST",
    help="Host of the database, the queue or the sessions, where that is not this machine (repeatable).",
)
@_settings
def command(
    drop_schema: str | None,
    *,
    yes: bool,
    database_url: str | None,
    allowed_backends: tuple[str, ...],
    **given: Any,
) -> int:
    """Run the reference MCP server until Ctrl-C.

    \b
    harness serve
    harness serve --port 0
    harness serve --drop-schema harness_target --database-url postgresql://me@127.0.0.1:5432/postgres
    """
    if drop_schema is not None:
        from harness.cli.drop_schema import drop

        return drop(drop_schema, database_url, allowed_backends, sure=yes)
    from harness.cli.serving import serve

    return serve(database_url=database_url, allowed_backends=allowed_backends, **given)
