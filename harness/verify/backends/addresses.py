"""The addresses in verify.yaml of what stands behind a deployment; they are vetted as its own is."""

from collections.abc import Iterator
from typing import Final

from harness.foundation.addresses.address import AddressError, read, read_service
from harness.foundation.addresses.judging import Wanted, unreadable
from harness.verify.spec.model import Spec

PURPOSE: Final = "Checks go"
DATABASE: Final = ("postgresql", "postgres")
AMQP: Final = ("amqp", "amqps")
WEB: Final = ("http", "https")
EXAMPLES: Final = {
    "database.dsn": "postgresql://user@127.0.0.1:5432/shop",
    "queue.url": "amqp://user@127.0.0.1:5672/",
    "queue.management": "http://user@127.0.0.1:15672",
}


def wanted(spec: Spec) -> Iterator[Wanted]:
    """Each that a check may connect to; a socket in the file system needs no vetting."""
    named: list[tuple[str, str, tuple[str, ...]]] = []
    if spec.database is not None:
        named.append(("database.dsn", spec.database.dsn, DATABASE))
    if spec.queue is not None and spec.queue.url:
        named.append(("queue.url", spec.queue.url, AMQP))
    if spec.queue is not None and spec.queue.management:
        named.append(("queue.management", spec.queue.management, WEB))
    for named_by, text, schemes in named:
        try:
            address = read(text, schemes) if schemes == WEB else read_service(text, schemes)
        except AddressError as error:
            raise unreadable(named_by, text, str(error), EXAMPLES[named_by]) from None
        if address is not None:
            yield Wanted(address, named_by, PURPOSE)
