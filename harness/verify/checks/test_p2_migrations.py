"""Do its migrations lead to the same place from everywhere? On an empty database and on an older one, each apart from all that there is."""

import pytest

from harness.verify.backends.database import Database
from harness.verify.backends.migrating import tried
from harness.verify.backends.structure import apart, missing_tables
from harness.verify.finding import fail, skip
from harness.verify.spec import backends
from harness.verify.target import Target

pytestmark = pytest.mark.data
SHOWN_MOST = 10


def test_its_migrations_apply_to_an_empty_database(target: Target, database: Database) -> None:
    """And make every table that verify.yaml names."""
    declared = _declared(target, database)
    (made,) = tried(target, database, declared, (declared.command,))
    if not made:
        fail(
            "database.migrate.command made no table in the schema that was made for it: if it names a schema itself, "
            "take {{schema}} for that, or say apart: database"
        )
    if missing := missing_tables(database.spec.tables, made):
        fail("\n".join(missing[:SHOWN_MOST]))


def test_its_migrations_apply_to_an_older_database(target: Target, database: Database) -> None:
    """Which is then as one that was empty."""
    declared = _declared(target, database)
    if not declared.older:
        skip(
            "verify.yaml does not say how to make an older database",
            "verify.yaml: database {migrate: {older: COMMAND}}, such as your tool's own with an older version",
        )
    old, newest = tried(target, database, declared, (declared.older, declared.command))
    if not old:
        fail("database.migrate.older made no table in the schema that was made for it")
    (new,) = tried(target, database, declared, (declared.command,))
    if different := list(apart(newest, new, ("what was older", "what was empty"))):
        fail("\n".join(different[:SHOWN_MOST]))


def _declared(target: Target, database: Database) -> backends.Migrate:
    declared = database.spec.migrate
    if declared is None:
        skip(
            "verify.yaml does not say how to migrate its database",
            "verify.yaml: database {migrate: {command: COMMAND, older: COMMAND}}",
        )
    if not target.settings.allow_deploy:
        skip("this check runs the command that migrates, on a schema of its own", "add --allow-deploy")
    return declared
