"""The parts of a run, watched: one that ends unasked is written down and told at once.

The kernel says so (`services.processes.process`), so it is known within a moment. Whatever of ours it was, but for the janitor, the
run ends in order: what comes after is not what was to be measured. The janitor is replaced, and nothing else changes; where it cannot be,
nothing is measured wrongly, but nobody would clean up if the harness were killed: no fault is applied any more, and the run is unknown. A server of the user's is left as it is: how the load goes on is part
of the finding, and a ramp still has its breaking point.

A command that leaves with exit code 0 while processes of its own run has started its server in the background; they
are not watched.
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
    """What has ended unasked."""

    run: RunContext
    lost: list[str] = field(default_factory=list)  # those of ours, in words
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    def ended(self, one: Ended) -> None:
        """Called at once, in the event loop."""
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
        """An error in the body is blamed on the part that died before it: a target cannot answer when its PostgreSQL was killed."""
        try:
            yield
        except HarnessError as error:
            if not self.lost or isinstance(error, NoRoomError):
                raise
            raise self._gone_error() from error

    async def until_lost(self) -> None:
        """Raises when a part is gone without which nothing more can be measured."""
        await self._gone.wait()
        raise self._gone_error()

    def _gone_error(self) -> PartGoneError:
        return PartGoneError(
            "A part of the run is gone", self.lost[0], "The logs of the run directory say more"
        )
