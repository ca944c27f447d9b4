"""A deployment of our own, that can be deployed: `harness verify --deploy-simulation`.

The reference server on a PostgreSQL of its own, started, replaced by another process at the same address, and gone afterwards with its database. What
must be undone is in undo.jsonl of `place`, and watched by a janitor: after a kill -9 nothing is left.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from harness.services import target
from harness.services.backends import postgres
from harness.services.cleanup.watched import watching
from harness.services.target import ManagedServer
from harness.verify.spec.model import Limits, Spec, ToolCall

# What the reference server can write and tell of, in a log that nobody else reads.
WRITES = Spec(
    limits=Limits(),
    write=ToolCall("append_entry", {"entry": "{{unique}}", "log": "{{unique}}"}),
    read=ToolCall("read_entries", {"log": "{{unique}}"}),
)
NOT_OURS = {"AMQP_URL": "", "REDIS_URL": ""}  # the user's own brokers are for others


@asynccontextmanager
async def simulated(place: Path, arguments: Sequence[str]) -> AsyncIterator[ManagedServer]:
    """The server; its options are those of `harness serve`."""
    async with (
        watching(place / "undo.jsonl"),
        postgres.embedded(place) as url,
        target.managed(place, url, arguments=arguments, env=NOT_OURS) as server,
    ):
        yield server
