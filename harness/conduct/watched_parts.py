"""Watches the parts of a run: if one ends unasked, that is written down and reported at once.

The kernel reports it (`services.processes.process`), so it is known at once. After any part of ours but the
janitor, the run ends in order: the rest would not be what was to be measured. The janitor is replaced, and
nothing else changes. If it cannot be replaced, the measurement is still right, but nothing would clean up if
the harness were killed: no further fault is applied, and the run is unknown. A server of the user's is not
restarted and the load goes on: that is part of the finding, and a ramp still has its breaking point.
A command that ends with exit code 0 while processes of its own run has started its server in the background;
these processes are not watched.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from harness.analysis.health import lost_parts
from harness.conduct.run_values import RunContext
from harness.foundation.errors import HarnessError, NoRoomError, PartGoneError
from harness.foundation.secrets import redact
from harness.run_directory.event_kinds import PartLost
from harness.run_directory.undo import Ended

JANITOR = "janitor"


@dataclass(slots=True)
class Parts:
    """The parts of a run that have ended unasked."""

    run: RunContext
    lost: list[str] = field(default_factory=list)  # those of ours, in words
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    def ended(self, one: Ended) -> None:
        """Record the end of a part; called in the event loop."""
        if one.part == lost_parts.SERVER and one.in_order and one.left:
            self.run.progress.note(
                f"  ! the command has ended, and has left {one.left} processes, which are not watched"
            )
            return
        at_ns = self.run.clock.now_ns()
        words = "\n".join(redact.text_of(redact.url(line)) for line in one.last_words.splitlines())
        event = PartLost(
            at_ns=at_ns,
            part=one.part,
            pid=one.pid,
            how=one.how,
            last_words=words,
            replaced=one.replaced or None,
        )
        self.run.log.write(event)
        self.run.progress.note(f"  ! {lost_parts.sentence(event)}")
        if one.part not in {lost_parts.SERVER, JANITOR}:
            self.lost.append(lost_parts.sentence(event))
            self._gone.set()

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Attribute an error in the body to a part that died before it, such as the target's database."""
        try:
            yield
        except HarnessError as error:
            if not self.lost or isinstance(error, NoRoomError):
                raise
            raise self._gone_error() from error

    async def until_lost(self) -> None:
        """Wait until a part is gone without which nothing can be measured; then raise."""
        await self._gone.wait()
        raise self._gone_error()

    def _gone_error(self) -> PartGoneError:
        return PartGoneError(
            "A part of the run is gone", self.lost[0], "The logs of the run directory say more"
        )
