"""`harness serve`: the reference MCP server, by itself."""

from typing import Any

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0 takes a free port and says which.",
)
@click.option(
    "--database-url",
    envvar="DATABASE_URL",
    help="A PostgreSQL server; without it an embedded one is started.",
)
def command(**given: Any) -> int:
    """Start the reference MCP server, until Ctrl-C.

    \b
    harness serve
    harness serve --port 0
    """
    from harness.cli.serving import serve

    return serve(**given)
