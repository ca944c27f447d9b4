"""`python -m harness.reference.migrate`: make the service's schema, or bring it up to date, and serve nothing.

With --to NUMBER it is brought to an older version only. The database is that of DATABASE_URL.
"""

import argparse
import asyncio
import os
import sys

from harness.foundation.errors import HarnessError
from harness.reference import schema
from harness.reference.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Say which migrations were applied; what went wrong in three short lines."""
    parser = argparse.ArgumentParser(prog="python -m harness.reference.migrate", description=__doc__)
    parser.add_argument("--schema", default="harness_target", help="schema of the service's own tables")
    parser.add_argument("--to", type=int, help="number of the last migration to apply (default: all)")
    given = parser.parse_args(arguments)
    try:
        settings = Settings(os.environ.get("DATABASE_URL", ""), schema=given.schema)
        applied = asyncio.run(
            schema.ensure(
                settings.database_url,
                settings.schema,
                connect_timeout_s=settings.connect_timeout_s,
                known=schema.migrations()[: given.to],
            )
        )
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"migrations applied: {', '.join(map(str, applied)) or 'none'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
