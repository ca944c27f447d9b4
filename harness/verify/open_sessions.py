"""The sessions that are open: each is written down when the deployment has named it, so that the janitor can end what this process leaves open.

It hears of every exchange: an `initialize` that brings a name opens one, a DELETE ends it. Those of a WebSocket or of HTTP+SSE end with their connection.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from harness.client.witness import Seen
from harness.foundation.addresses.vetting import VettedAddresses
from harness.foundation.errors import NoRoomError
from harness.run_directory.undo import Entry, UndoJournal
from harness.services.cleanup.leftover_calls import SESSION_HEADER
from harness.services.cleanup.leftover_sessions import KEY, SESSION, sealed
from harness.verify import removing

ENDED: Final = range(200, 500)  # by DELETE; whoever says 405 has been asked


@dataclass(slots=True)
class OpenSessions:
    """Of one verification."""

    _undo: UndoJournal
    _where: Mapping[str, object]  # address and headers, without secrets
    _key: str = field(repr=False)
    _entries: dict[str, Entry] = field(default_factory=dict, repr=False)

    def hear(self, seen: Seen) -> None:
        """One exchange is over."""
        reply = seen.reply
        if seen.operation == "initialize" and reply.session_id and reply.session_id not in self._entries:
            self._opened(reply.session_id, reply.mapping().get("protocolVersion"))
        elif seen.method == "DELETE" and reply.status in ENDED:
            ended = self._entries.pop(_session(seen.sent_headers), None)
            if ended is not None:
                ended.done()

    def _opened(self, session: str, version: object) -> None:
        try:
            sealed_id = sealed(session, self._key)
            self._entries[session] = self._undo.add(
                SESSION, **self._where, version=str(version)[:40], session=sealed_id
            )
        except NoRoomError:  # it is open already, and ends with this verification if nothing happens
            return


@contextmanager
def key() -> Iterator[str]:
    """What session ids are sealed with; in the environment, for the janitor, as long as the block lasts."""
    os.environ[KEY] = secrets.token_hex(32)
    try:
        yield os.environ[KEY]
    finally:
        os.environ.pop(KEY, None)


def watched(
    undo: UndoJournal, sealing: str, url: str, vetted: VettedAddresses, shown: Mapping[str, str]
) -> OpenSessions:
    """Those of the deployment at this address; `shown` are path and headers as they may be written down."""
    return OpenSessions(undo, removing.where(url, vetted, shown), sealing)


def _session(headers: Mapping[str, str]) -> str:
    return next((text for name, text in headers.items() if name.lower() == SESSION_HEADER.lower()), "")
