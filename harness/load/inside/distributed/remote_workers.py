"""Workers that joined the master from other machines: their specification, their clocks, and their spools.

Each gets the run as JSON and a number after those of this machine. Its rows arrive as a stream of bytes
(`harness.run_directory.spool_shipping`) and are appended to a spool beside the others. Bytes are acknowledged
when they are written, so a spool that cannot be written stops the stream, and is reported as trouble.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness import __version__
from harness.load.engine import LoadSpec
from harness.load.inside.distributed import message_names
from harness.run_directory.spool import SpoolFile, spool_path
from harness.run_directory.spool_shipping import Inbox


@dataclass(slots=True)
class RemoteWorker:
    """A worker from another machine."""

    worker: int
    host: str
    spool: SpoolFile
    inbox: Inbox = field(default_factory=Inbox)
    failed: bool = False

    @property
    def part(self) -> str:
        return f"worker-{self.worker}"


class RemoteWorkers:
    """All workers from other machines, by Locust's names for them."""

    def __init__(self, runner: Any, spec: LoadSpec, say: Callable[..., None]) -> None:
        self._runner = runner
        self._spec = spec
        self._say = say
        self._here: dict[str, RemoteWorker] = {}
        answers = {
            message_names.JOIN: self._on_join,
            message_names.CLOCK: self._on_clock,
            message_names.REFUSED: self._on_refused,
            message_names.SPOOL: self._on_spool,
            message_names.LEAVING: self._on_leaving,
        }
        for word, answer in answers.items():
            runner.register_message(word, answer)

    def number(self, name: str) -> int | None:
        """Return the number that this worker was given; None if it has not joined."""
        visitor = self._here.get(name)
        return None if visitor is None else visitor.worker

    def _on_join(self, msg: Any, **_: Any) -> None:
        """Answer a worker that asks to join; if it asks again, the answer is the same."""
        name, spec = msg.node_id, self._spec
        if msg.data["version"] != __version__:
            why = f"the master is of version {__version__}, this worker of {msg.data['version']}"
            self._say("refused", host=msg.data["host"], why=why)
            self._tell(name, message_names.REFUSED, why=why)
            return
        if name not in self._here:
            if len(self._here) == spec.expect_workers:
                self._tell(name, message_names.REFUSED, why="the run has all the workers that it expects")
                return
            worker = spec.workers + len(self._here)
            spool = SpoolFile(spool_path(spec.spool_dir, worker))
            self._here[name] = RemoteWorker(worker, msg.data["host"], spool)
        order_json = spec.for_others().to_json()
        self._tell(name, message_names.SPEC, spec=order_json, worker=self._here[name].worker)

    def _on_clock(self, msg: Any, **_: Any) -> None:
        self._tell(msg.node_id, message_names.CLOCK, sent_ns=msg.data["sent_ns"], told_ns=time.monotonic_ns())

    def _on_refused(self, msg: Any, **_: Any) -> None:
        self._say("refused", host=self._here[msg.node_id].host, why=msg.data["why"])

    def _on_spool(self, msg: Any, **_: Any) -> None:
        visitor = self._here.get(msg.node_id)
        if visitor is None or visitor.failed:
            return
        try:
            visitor.spool.write(visitor.inbox.take(msg.data["offset"], msg.data["data"]))
        except OSError as error:
            visitor.failed = True
            why = error.strerror or str(error)
            self._say("unwritten", part=visitor.part, worker=visitor.worker, why=why)
            return
        self._tell(msg.node_id, message_names.SPOOLED, offset=visitor.inbox.next)

    def _on_leaving(self, msg: Any, **_: Any) -> None:
        visitor = self._here.get(msg.node_id)
        if visitor is not None:
            clock = {key: msg.data[key] for key in ("offset_ms", "error_ms")}
            self._say("clock", part=visitor.part, host=visitor.host, **clock)

    def _tell(self, name: str, word: str, **data: Any) -> None:
        self._runner.send_message(word, data, client_id=name)
