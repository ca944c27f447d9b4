"""Both ends of a worker on another machine, in memory: what is between them is a wire that the test may cut.

The ends are the real ones; of Locust only the channel is replaced (whole, in tests/e2e/test_workers_elsewhere.py).
"""

import resource
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import gevent.pool
import pytest
from locust.event import Events

from harness import __version__
from harness.load.engine import LoadSpec
from harness.load.inside.distributed import message_names
from harness.load.inside.distributed import remote as remote_module
from harness.load.inside.distributed.remote import Remote
from harness.load.inside.distributed.remote_workers import RemoteWorkers
from harness.load.inside.transport import connecting
from harness.run_directory.samples import seal
from tests.load.inside.waiting import until


@dataclass
class End:
    """One end of the channel, with the methods of Locust's runners that are used."""

    node_id: str = "here"
    cut: set[str] = field(default_factory=set)  # messages that get lost
    heard: dict[str, Callable[..., None]] = field(default_factory=dict)
    peer: "End | None" = None
    user_count: int = 0
    greenlet: gevent.pool.Group = field(default_factory=gevent.pool.Group)
    gone: bool = False

    def register_message(self, word: str, listener: Callable[..., None], concurrent: bool = False) -> None:
        del concurrent
        self.heard[word] = listener

    def send_message(self, word: str, data: dict[str, Any], client_id: str | None = None) -> None:
        del client_id
        assert self.peer is not None
        if word not in self.cut and word in self.peer.heard:
            message = SimpleNamespace(node_id=self.node_id, data=data)
            gevent.spawn(self.peer.heard[word], environment=None, msg=message)

    def stop(self) -> None:
        """No users run here."""

    def quit(self) -> None:
        self.gone = True


@dataclass
class Pair:
    """A master and a visitor."""

    spec: LoadSpec
    allowed: tuple[str, ...] = ()
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    master: End = field(default_factory=End)
    visitor: End = field(default_factory=lambda: End("visitor"))

    def __post_init__(self) -> None:
        self.master.peer, self.visitor.peer = self.visitor, self.master
        self.visitors = RemoteWorkers(
            self.master, self.spec, lambda said, **data: self.said.append((said, data))
        )
        self.visitor.greenlet.add(gevent.spawn(gevent.sleep, 1000))
        options = SimpleNamespace(mcp_allow_host=list(self.allowed))
        self.environment = SimpleNamespace(events=Events(), parsed_options=options, user_classes=[])
        self.remote = Remote(self.environment, self.visitor)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Callable[..., Pair]]:
    """Made to order, and ended with the test."""
    made: list[Pair] = []

    def make(url: str = "http://127.0.0.1:9/mcp", **more: Any) -> Pair:
        spec = LoadSpec(
            base_url=url, mcp_url=url, ws_url=url, protocol="plain", spool_dir=str(tmp_path / "spool"), epoch_ns=7,
            mix={"light": 1}, workers=1, expect_workers=1,
        )  # fmt: skip
        made.append(Pair(spec, **more))
        return made[-1]

    (tmp_path / "spool").mkdir()
    yield make
    for one in made:
        one.visitor.greenlet.kill()
        if one.remote.worker is not None:
            one.remote.worker.end(0.0)


def words_said(pair: Pair) -> list[str]:
    return [said for said, _ in pair.said]


def test_a_visitor_joins_compares_clocks_ships_its_rows_and_leaves(
    pair: Callable[..., Pair], tmp_path: Path
) -> None:
    """Numbered after the workers of the master's machine; its spool is a spool like any other."""
    one = pair()
    ready: list[Any] = []
    one.master.register_message(message_names.READY, lambda msg, **_: ready.append(msg.data))
    one.remote.join()

    until(lambda: ready)
    assert ready[0]["worker"] == 1
    worker = one.remote.worker
    assert worker is not None
    assert [kind.__name__ for kind in one.environment.user_classes] == ["LightUser"]
    # In one process there is one clock.
    assert worker.context.spec.epoch_ns == pytest.approx(7, abs=5_000_000)
    recorder = worker.recorder
    codes = [recorder.code(column, "any") for column in ("user_class", "operation", "transport")]
    for _ in range(3):
        seq = recorder.begin(1)
        recorder.end(seq, 1, 2, 3, *codes, "ok", "", 200, 0, 1, 1, 1, 1, 1)
    worker.end(0.0)

    until(lambda: one.visitor.gone)
    assert one.remote.outbox.is_empty
    ((_, clock),) = [(said, data) for said, data in one.said if said == "clock"]
    assert (clock["part"], clock["error_ms"] < 1000) == ("worker-1", True)
    assert seal(tmp_path / "spool", tmp_path / "samples.parquet") == 3


def test_a_host_that_the_visitor_was_not_started_with_is_refused(
    pair: Callable[..., Pair], capsys: pytest.CaptureFixture[str]
) -> None:
    """Who makes it join may not say what is loaded; the reason travels back."""
    one = pair(url="http://192.0.2.1/mcp")
    one.remote.join()

    until(lambda: one.said and one.visitor.gone)
    ((said, data),) = one.said
    assert said == "refused"
    assert "192.0.2.1 is not this machine" in data["why"]
    assert "--mcp-allow-host" in data["why"]
    assert one.remote.worker is None
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Error: This worker does not make the load of this run"
    assert told[2].startswith("  Start this worker with --mcp-allow-host HOST")
    assert (len(told), one.environment.process_exit_code) == (3, 2)


def test_a_host_that_it_was_started_with_is_loaded(pair: Callable[..., Pair]) -> None:
    """By name or number."""
    one = pair(url="http://192.0.2.1/mcp", allowed=("192.0.2.1",))
    one.remote.join()

    assert one.remote.worker is not None


def test_a_visitor_of_another_version_is_not_taken(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both sides say so."""
    monkeypatch.setattr(remote_module, "__version__", "0.0.1")
    one = pair()
    one.remote.join()

    until(lambda: one.visitor.gone)
    assert words_said(one) == ["refused"]
    assert one.said[0][1]["why"] == f"the master is of version {__version__}, this worker of 0.0.1"
    assert one.said[0][1]["why"] in capsys.readouterr().err.splitlines()[1]
    assert one.environment.process_exit_code == 2


def test_one_too_many_goes_away_and_the_run_does_not_mind(pair: Callable[..., Pair]) -> None:
    """Whoever starts it may start it again, for the next run."""
    one = pair()
    one.visitors._here["somebody"] = one.visitors._here.get("x") or SimpleNamespace(worker=1)  # type: ignore[assignment]
    one.remote.join()

    until(lambda: one.visitor.gone)
    assert one.said == []


def test_an_answer_that_was_lost_is_asked_for_again(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the number stays the same."""
    monkeypatch.setattr(remote_module, "JOIN_AGAIN_S", 0.05)
    one = pair()
    one.master.cut.add(message_names.SPEC)
    gevent.spawn_later(0.2, one.master.cut.clear)
    one.remote.join()

    assert one.remote.worker is not None
    assert one.remote.worker.recorder.worker == 1


def test_under_a_plain_master_nobody_answers_and_nothing_happens(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a plain Locust worker."""
    monkeypatch.setattr(remote_module, "JOIN_AGAIN_S", 0.001)
    one = pair()
    one.visitor.cut.add(message_names.JOIN)
    one.remote.join()

    assert (one.remote.worker, one.visitor.gone, one.said) == (None, False, [])


def test_clocks_that_cannot_be_compared_are_a_refusal_before_and_unknown_after(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A time that cannot be placed is not used."""
    monkeypatch.setattr(remote_module, "EXCHANGE_S", 0.01)
    before = pair()
    before.master.cut.add(message_names.CLOCK)
    before.remote.join()
    until(lambda: before.said)
    assert before.said == [
        ("refused", {"host": before.remote.host, "why": "the clocks could not be compared"})
    ]

    after = pair()
    after.remote.join()
    after.master.cut.add(message_names.CLOCK)
    assert after.remote.worker is not None
    after.remote.worker.end(0.0)
    until(lambda: "clock" in words_said(after))
    assert after.said[-1][1]["error_ms"] is None


def test_a_spool_that_cannot_be_written_stops_the_stream_and_is_told(
    pair: Callable[..., Pair], tmp_path: Path
) -> None:
    """The master's disk is full: nothing is acknowledged that was not written."""
    one = pair()
    one.remote.join()
    assert one.remote.worker is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        one.remote.worker.recorder.flush()
        until(lambda: one.said)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert one.said == [("unwritten", {"part": "worker-1", "worker": 1, "why": "File too large"})]
    assert not one.remote.outbox.is_empty
    assert (tmp_path / "spool" / "worker-1.spool").stat().st_size == 0


def test_a_process_that_is_ended_by_somebody_still_hands_its_rows_over(
    pair: Callable[..., Pair], tmp_path: Path
) -> None:
    """Locust's quitting event comes first."""
    one = pair()
    one.remote.join()
    one.environment.events.quitting.fire(environment=one.environment)

    assert one.remote.outbox.is_empty
    assert (tmp_path / "spool" / "worker-1.spool").stat().st_size > 0


def test_a_visitor_looks_the_name_up_itself_once_and_vets_every_address(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the name stands for on the master's machine is not told, and would not be believed."""
    answers = iter([["127.0.0.1"], ["127.0.0.1", "203.0.113.9"]])

    def look_up(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, 0)) for address in next(answers)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(connecting, "VETTED", {})
    one = pair(url="http://rebound.test/mcp")
    one.spec.addresses["rebound.test"] = ["192.0.2.1"]
    one.remote.join()
    two = pair(url="http://rebound.test/mcp")
    two.remote.join()

    assert connecting.VETTED == {"rebound.test": ("127.0.0.1",)}
    until(lambda: two.said)
    assert "rebound.test is not this machine" in two.said[0][1]["why"]
    assert two.remote.worker is None
