"""`harness doctor` for real: on this machine, with real servers, after runs that really died."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.main import run
from harness.doctor import leftovers, servers
from harness.run_directory.undo import UndoJournal, read_open
from harness.services.processes import proctable
from harness.services.toxiproxy import server as toxiproxy

DIES = """
import subprocess, sys
from pathlib import Path
from harness.run_directory.undo import UndoJournal as Journal
undo = Journal(Path(sys.argv[1]))
left = subprocess.Popen(["sleep", "600"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
undo.process(left.pid, "sleeper")
for kind in sys.argv[2:]:
    undo.add(kind)
print(left.pid)
"""


def dead_run(place: Path, *kinds: str) -> proctable.Process:
    """A run directory whose harness is gone and whose child is not; returns the child."""
    place.mkdir(parents=True)
    argv = [sys.executable, "-c", DIES, str(place / "undo.jsonl"), *kinds]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=100, check=True)
    process = proctable.read(int(done.stdout))
    assert process is not None
    return process


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """No servers but those that a test names."""
    for name in ("DATABASE_URL", "TOXIPROXY_URL", "AMQP_URL", "REDIS_URL", "HARNESS_OUT", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_this_machine_can_run_a_ramp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, one JSON object, every part in it."""
    assert run(["doctor", "--json", "--out", str(tmp_path)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["ready"], answer["exit_code"], answer["cleaned"]) == (True, 0, [])
    names = {each["name"] for each in answer["findings"]}
    parts = (
        "Python packages PostgreSQL Toxiproxy Go Node Chromium RabbitMQ Redis processors reports leftovers"
    )
    assert names >= {*parts.split(), "open files", "port 8000", "port 8089", "port 5557", "port 8474"}
    assert names >= {"DATABASE_URL", "TOXIPROXY_URL", "AMQP_URL", "REDIS_URL"}
    assert all(each["todo"] or each["for"] for each in answer["findings"] if each["state"] != "good")


def test_a_database_that_is_named_and_silent_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ramp would fail on it; the last line says so."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:pa55word@127.0.0.1:1/db")
    assert run(["doctor", "--out", str(tmp_path)]) == 2
    out = capsys.readouterr().out
    assert "\N{BALLOT X} DATABASE_URL" in out
    assert out.splitlines()[-1].endswith("before this is solved: DATABASE_URL.")
    assert "pa55word" not in out
    assert "\x1b" not in out


async def test_a_database_that_answers_says_its_version(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL itself; a wrong password is told in its words."""
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    found = await servers.database()
    assert found.state == "good"
    assert "answers: PostgreSQL 18" in found.found
    secret = postgres_url.partition("@")[0].rpartition(":")[2]
    assert secret not in found.found
    monkeypatch.setenv("DATABASE_URL", postgres_url.replace(secret, "wrong"))
    found = await servers.database()
    assert found.state == "missing"
    assert "password authentication failed" in found.found


async def test_toxiproxy_is_asked_where_it_is_named(
    undo: UndoJournal, tmp_path: Path, toxiproxy_found: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its version; when it is gone that is a warning, since a ramp needs no faults."""
    async with toxiproxy.started(tmp_path) as server:
        monkeypatch.setenv("TOXIPROXY_URL", server.url)
        await server.api.create_proxy("p", "127.0.0.1:9")
        found = await servers.fault_injector()
        assert (found.state, found.found) == (
            "good",
            f"{server.url} answers: version {server.version}, proxies: 1",
        )
    found = await servers.fault_injector()
    assert found.state == "warning"
    assert "does not answer" in found.found
    monkeypatch.delenv("TOXIPROXY_URL")
    assert (await servers.fault_injector()).found == "not set: a run starts one of its own"
    monkeypatch.setenv("PATH", "")
    assert "need a Toxiproxy first" in (await servers.fault_injector()).found


@pytest.mark.parametrize(
    ("variable", "fixture", "answer"),
    [("REDIS_URL", "redis_url", "answers: PONG"), ("AMQP_URL", "amqp_url", "answers: AMQP 0-9-1")],
)
def test_brokers_answer_in_their_own_protocol(
    variable: str,
    fixture: str,
    answer: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Real ones, each taken for what it is; passwords stay out of sight."""
    url: str = request.getfixturevalue(fixture)
    secret = url.rpartition("@")[0].rpartition(":")[2]
    monkeypatch.setenv(variable, url)
    found = service(variable, tmp_path, capsys)
    assert (found["state"], secret in found["found"]) == ("good", False)
    assert found["found"].endswith(answer)


def test_a_redis_that_refuses_the_password_says_so(
    redis_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its own words."""
    secret = redis_url.rpartition("@")[0].rpartition(":")[2]
    monkeypatch.setenv("REDIS_URL", redis_url.replace(secret, "wr0ng"))
    found = service("REDIS_URL", tmp_path, capsys)
    assert found["state"] == "warning"
    assert "WRONGPASS" in found["found"]
    assert "wr0ng" not in found["found"]


def service(name: str, out: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the doctor found about one of them."""
    assert run(["doctor", "--json", "--out", str(out)]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    return next(each for each in findings if each["name"] == name)


def test_what_a_dead_run_left_is_found_then_undone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Found without --clean, undone with it, and not found again."""
    left = dead_run(tmp_path / "ramp" / "one")
    (tmp_path / "ramp" / "latest").symlink_to("one")
    assert run(["doctor", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"1 thing not undone in {tmp_path}/ramp/one" in out
    assert f"get: harness doctor --clean --out {tmp_path}" in out
    assert proctable.is_alive(left.pid, left.start_ticks)

    assert run(["doctor", "--clean", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"undone: process {left.pid} (sleeper)" in out
    assert f"none in {tmp_path}" in out
    assert not proctable.is_alive(left.pid, left.start_ticks)
    assert run(["doctor", "--clean", "--out", str(tmp_path)]) == 0
    assert f"Nothing to clean in {tmp_path}." in capsys.readouterr().out


def test_what_cannot_be_undone_is_exit_6_and_the_rest_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays listed, for a harness that knows how."""
    left = dead_run(tmp_path / "ramp" / "one", "unheard_of")
    assert run(["doctor", "--clean", "--json", "--out", str(tmp_path)]) == 6
    answer = json.loads(capsys.readouterr().out)
    assert answer["exit_code"] == 6
    assert answer["cleaned"][0]["run_dir"] == str(tmp_path / "ramp" / "one")
    assert "not known how to undo" in answer["cleaned"][0]["left"][0]
    assert not proctable.is_alive(left.pid, left.start_ticks)
    assert [entry.what for entry in read_open(tmp_path / "ramp" / "one" / "undo.jsonl")] == ["unheard_of"]


def test_a_run_that_still_goes_is_left_alone(tmp_path: Path) -> None:
    """Its owner is alive: this very process."""
    (tmp_path / "ramp" / "one").mkdir(parents=True)
    with UndoJournal(tmp_path / "ramp" / "one" / "undo.jsonl") as journal:
        journal.directory(tmp_path / "harness-never-made")
        assert leftovers.look(tmp_path) == []
        assert leftovers.clean(tmp_path) == []
        assert len(journal.open()) == 1


@pytest.mark.parametrize(("encoding", "tick"), [("utf-8", "\N{CHECK MARK}"), ("ascii", "ok")])
def test_a_terminal_without_ticks_gets_letters(tmp_path: Path, encoding: str, tick: str) -> None:
    """As the command itself, in the encoding that its output has."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("harness")), "doctor", "--out", str(tmp_path)],
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONIOENCODING": encoding},
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"  {tick} Python" in done.stdout.decode(encoding)


@pytest.mark.parametrize(("no_color", "painted"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(tmp_path: Path, no_color: str, *, painted: bool) -> None:
    """NO_COLOR is respected; click leaves colours out of pipes by itself."""
    code = f"""
import os, pty, sys
def read(handle):
    try:
        return os.read(handle, 65536)
    except OSError:
        return b""
seen = []
def keep(handle):
    data = read(handle)
    seen.append(data)
    return data
pty.spawn([{str(Path(sys.executable).with_name("harness"))!r}, "doctor", "--out", {str(tmp_path)!r}], keep)
sys.exit(10 if b"\\x1b[" in b"".join(seen) else 20)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "NO_COLOR": no_color, "TERM": "xterm"},
        timeout=100,
        check=False,
    )
    assert done.returncode == (10 if painted else 20), done.stderr
