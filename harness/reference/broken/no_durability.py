"""no-durability: tables that PostgreSQL empties after a crash of its own, a queue that RabbitMQ forgets (`tasks.running`).

The tables stay like that; drop the schema to be rid of it.
"""

from harness.reference.databases import Pool

TABLES = ("sessions", "executions", "refusals", "entries", "tasks", "task_history", "task_effects")


async def make_volatile(own: Pool) -> None:
    async with own.connection() as connection:
        for table in TABLES:
            await connection.execute(f"ALTER TABLE {table} SET UNLOGGED")
