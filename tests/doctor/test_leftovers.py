"""What runs have left behind: where it is undone."""

import http.server
import json
import os
import threading
from pathlib import Path
from typing import Self

import pytest

from harness.doctor import leftovers
from harness.run_directory.undo import boot_id, start_ticks
from harness.services.cleanup import leftover_proxies


@pytest.mark.parametrize("api", ["http://203.0.113.9:8474", "http://127.1:8474", "nonsense", None])
def test_nothing_is_undone_where_a_run_could_not_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: str | None
) -> None:
    """Whoever has put a file among the runs is not sent our token."""
    monkeypatch.setattr(leftover_proxies, "_call", lambda *_: pytest.fail("it was asked"))
    undo = tmp_path / "ramp" / "20260101T000000Z-000000" / "undo.jsonl"
    undo.parent.mkdir(parents=True)
    entry = {"id": 1, "what": "toxiproxy", "api": api, "delete": ["/proxies/p"], "enable": []}
    undo.write_text(json.dumps(entry) + "\n")

    (cleaned,) = leftovers.clean(tmp_path)

    assert cleaned.left
    assert cleaned.said == ()


def test_what_was_allowed_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its number, or by a name that stands for it."""
    asked: list[str] = []
    monkeypatch.setattr(leftover_proxies, "_call", lambda api, *_: asked.append(api) or 204)
    undo = tmp_path / "ramp" / "20260101T000000Z-000000" / "undo.jsonl"
    undo.parent.mkdir(parents=True)
    entry = {"id": 1, "what": "toxiproxy", "api": "http://203.0.113.9:1", "delete": ["/p"], "enable": []}
    undo.write_text(json.dumps(entry) + "\n")

    (cleaned,) = leftovers.clean(tmp_path, ["203.0.113.9"])

    assert (cleaned.left, asked) == ((), ["http://203.0.113.9:1"])


def test_what_is_listed_and_not_there_is_not_left_over(tmp_path: Path) -> None:
    """A full disk may have kept it from being written down; doctor looks."""
    run = tmp_path / "ramp" / "20260101T000000Z-000000"
    run.mkdir(parents=True)
    there = tmp_path / "harness-there"
    there.mkdir()
    with Toxiproxies() as proxies:
        gone = [
            {"what": "process", "pid": os.getpid(), "start_ticks": 1, "boot": boot_id()},
            {
                "what": "process",
                "pid": os.getpid(),
                "start_ticks": start_ticks(os.getpid()),
                "boot": "before",
            },
            {"what": "directory", "path": str(tmp_path / "harness-gone")},
            {"what": "shared_memory", "path": str(tmp_path / "harness-gone" / "data")},
            {"what": "stopped", "processes": [[os.getpid(), start_ticks(os.getpid())]], "boot": boot_id()},
            {"what": "toxiproxy", "api": proxies.url, "delete": ["/proxies/gone"], "enable": []},
            {"what": "toxiproxy", "api": proxies.url, "delete": [], "enable": ["/proxies/on"]},
            {"what": "toxiproxy", "api": "http://127.0.0.1:1", "ours": True, "delete": ["/x"], "enable": []},
        ]
        left = [
            {"what": "directory", "path": str(there)},
            {"what": "toxiproxy", "api": proxies.url, "delete": ["/proxies/on"], "enable": []},
            {"what": "toxiproxy", "api": proxies.url, "delete": [], "enable": ["/proxies/off"]},
            {"what": "toxiproxy", "api": "http://127.0.0.1:1", "delete": ["/x"], "enable": []},
            {"what": "toxiproxy", "api": "http://203.0.113.9:1", "delete": ["/x"], "enable": []},
            {"what": "something of a later version"},
        ]
        lines = [json.dumps({"id": number, **entry}) for number, entry in enumerate(gone + left, 1)]
        (run / "undo.jsonl").write_text("\n".join(lines) + "\n")
        (found,) = leftovers.look(tmp_path)
        assert [entry.id for entry in found.entries] == [*range(len(gone) + 1, len(gone) + len(left) + 1)]
        assert {method for method, _ in proxies.asked} == {"GET"}

        (run / "undo.jsonl").write_text("\n".join(lines[: len(gone)]) + "\n")
        assert leftovers.finding(tmp_path).state == "good"


class Toxiproxies:
    """A server with a proxy that is on, and one that is off."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        said = {"/proxies/on": b'{"enabled": true}', "/proxies/off": b'{"enabled": false}'}
        asked = self.asked

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(("GET", self.path))
                self.send_response(200 if self.path in said else 404)
                self.end_headers()
                self.wfile.write(said.get(self.path, b""))

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
