"""`harness serve --drop-schema NAME`: show what would be lost, ask, drop."""

import asyncio
from collections.abc import Sequence

import click

from harness.cli.backends import Backends
from harness.foundation.errors import PASSED, UsageError
from harness.reference import schema
from harness.reference.settings import Settings

CONNECT_S = 5.0


def drop(name: str, database_url: str | None, allowed_backends: Sequence[str] = (), *, sure: bool) -> int:
    """Drop a schema after a yes; return the exit code."""
    if not database_url:
        raise UsageError(
            f"The schema {name} is not dropped.",
            "No PostgreSQL server is named; an embedded one goes by itself, with everything in it.",
            "Give --database-url, or set DATABASE_URL.",
        )
    Settings(database_url, schema=name)  # refuses an invalid URL or name
    backends = Backends({"DATABASE_URL": database_url}).vetted(allowed_backends)
    database_url = backends.urls["DATABASE_URL"]
    tables = asyncio.run(schema.contents(database_url, name, connect_timeout_s=CONNECT_S))
    click.echo(f"{name}: {', '.join(f'{table} ({rows} rows)' for table, rows in tables.items())}", err=True)
    if not sure:
        click.confirm(f"Drop the schema {name} with all of this?", abort=True, err=True)
    asyncio.run(schema.drop(database_url, name, connect_timeout_s=CONNECT_S))
    click.echo(f"{name} is dropped", err=True)
    return PASSED
