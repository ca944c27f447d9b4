"""Who runs, and whose it is: families on made-up tables, signals on real processes."""

import os
import signal
import subprocess

import pytest

from harness.services.processes import proctable
from harness.services.processes.proctable import Process, family

SLEEP = ["sleep", "600"]


def row(pid: int, ppid: int = 1, session: int = 1, start: int = 100, state: str = "S") -> Process:
    return Process(pid, ppid, session, 0, state, start)


def pids(rows: list[Process], *roots: tuple[int, int]) -> set[int]:
    return {each.pid for each in family(roots, {each.pid: each for each in rows})}


# pids above what the kernel gives out, so that none is this test's own
ROOT = 5_000_000


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], set()),
        ([row(ROOT)], {ROOT}),
        ([row(ROOT, start=101)], set()),  # the pid was taken over
        ([row(ROOT, start=101), row(ROOT + 1, session=ROOT)], set()),  # and so was its session
        ([row(ROOT), row(ROOT + 1, ppid=ROOT), row(ROOT + 2, ppid=ROOT + 1)], {ROOT, ROOT + 1, ROOT + 2}),
        ([row(ROOT + 1, session=ROOT)], {ROOT + 1}),  # the leader has ended
        (
            [row(ROOT + 1, session=ROOT, start=99)],
            set(),
        ),  # older than the leader: another session of that number
        ([row(ROOT + 1, session=ROOT), row(ROOT + 2, ppid=ROOT + 1, session=7)], {ROOT + 1, ROOT + 2}),
        ([row(ROOT, state="Z"), row(ROOT + 1, ppid=ROOT)], {ROOT + 1}),
        ([row(ROOT + 9)], set()),
    ],
)
def test_a_family_is_found_by_parent_and_session(rows: list[Process], found: set[int]) -> None:
    """Of the root (ROOT, started at 100)."""
    assert pids(rows, (ROOT, 100)) == found


def test_we_are_never_of_a_family_that_is_to_be_ended() -> None:
    """Not even when our own parent is its root."""
    me = proctable.read(os.getpid())
    assert me is not None
    parent = proctable.read(me.ppid)
    assert parent is not None
    assert me not in family([(parent.pid, parent.start_ticks)], {me.pid: me, parent.pid: parent})


@pytest.mark.parts
def test_a_process_with_any_name_is_read() -> None:
    """Blanks and parentheses in it, as the kernel shows them."""
    code = "open('/proc/self/comm', 'w').write('a) S 1 (b'); print(flush=True); input()"
    child = subprocess.Popen(["python3", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    found = proctable.read(child.pid)
    child.communicate(b"\n")
    assert found is not None
    assert (found.ppid, found.session, found.alive) == (os.getpid(), os.getsid(0), True)
    assert proctable.read(child.pid) is None


@pytest.mark.parts
def test_a_zombie_is_not_alive() -> None:
    """It has ended; only nobody has asked yet."""
    child = subprocess.Popen(SLEEP)
    process = proctable.read(child.pid)
    assert process is not None
    assert proctable.is_alive(child.pid, process.start_ticks)
    assert proctable.send(process, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not proctable.is_alive(child.pid, process.start_ticks)
    assert not proctable.send(process, signal.SIGKILL)
    child.wait()
    assert not proctable.send(process, signal.SIGKILL)


@pytest.mark.parts
def test_a_signal_never_reaches_one_that_took_over_the_pid() -> None:
    """It started at another time."""
    child = subprocess.Popen(SLEEP)
    process = proctable.read(child.pid)
    assert process is not None
    other = Process(child.pid, process.ppid, process.session, 0, "S", process.start_ticks - 1)
    assert not proctable.send(other, signal.SIGKILL)
    assert child.poll() is None
    child.kill()
    child.wait()


@pytest.mark.parts
def test_marks_are_compared_whole_up_to_the_number() -> None:
    """A run beside another whose path begins alike."""
    child = subprocess.Popen(SLEEP, env={proctable.MARK: "/runs/1/undo.jsonl#a1", "X": "/runs/2/undo.jsonl#"})
    table = proctable.table()
    found = {
        mark: child.pid in {each.pid for each in proctable.marked(mark, table)}
        for mark in (
            "/runs/1/undo.jsonl#",
            "/runs/1/undo.jsonl#a1",
            "/runs/2/undo.jsonl#",
            "/runs/1/undo.jsonl#b",
        )
    }
    child.kill()
    child.wait()
    assert list(found.values()) == [True, True, False, False]
