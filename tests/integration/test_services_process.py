"""Children, for real: ready or told why not, gone afterwards with all that came of them."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.foundation.errors import PartGoneError, ServiceError
from harness.run_directory.undo import Ended, UndoJournal
from harness.services.fault_sites.restartable import RestartableProcess
from harness.services.processes import launch, process, proctable, readiness, usage
from harness.services.processes.process import RunAs, running
from tests import getting

TALKS = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
# a child in its session, a child in a session of its own, and a grandchild that left both and lost its parent
BREEDS = """
import os, subprocess, sys, time
sleep = [sys.executable, '-c', 'import time; time.sleep(600)']
print('pid', subprocess.Popen(sleep).pid, flush=True)
print('pid', subprocess.Popen(sleep, start_new_session=True).pid, flush=True)  # or the fork has it too
if not (child := os.fork()):
    os.setsid()
    print('pid', subprocess.Popen(sleep).pid, flush=True)
    os._exit(0)
os.waitpid(child, 0)
print('up', flush=True)
time.sleep(600)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


@pytest.fixture
def start(undo: UndoJournal, tmp_path: Path):
    """`running`, with what every test here says alike; ready at the line `up`."""

    def start(code: str, **changes):
        log = tmp_path / "part.log"
        given = {"name": "part", "log": log, "ready": readiness.line("^up$", log), **changes}
        return running(python(code), **given)

    return start


async def test_a_child_is_ready_inside_and_gone_after(start, undo: UndoJournal) -> None:
    """In a session of its own, its output in the log, written down while it runs."""
    async with start(TALKS) as child:
        found = proctable.read(child.pid)
        assert found is not None
        assert found.session == child.pid
        assert child.returncode is None
        assert child.log.read_text() == "up\n"
        (entry,) = undo.open()
        assert (entry.data["pid"], entry.data["start_ticks"]) == (child.pid, found.start_ticks)
    assert child.returncode == -signal.SIGTERM
    assert proctable.read(child.pid) is None
    assert undo.open() == []


async def test_a_child_that_ends_before_it_is_ready_is_told_at_once_with_its_last_words(start) -> None:
    """The exit code and the end of the log, not a time-out."""
    with pytest.raises(ServiceError, match="part ended before it was ready: exit code 3") as caught:
        async with start("import sys; print('no database'); sys.exit(3)"):
            pass
    assert caught.value.why == "no database"
    assert "part.log" in caught.value.todo


async def test_of_a_traceback_of_ours_the_last_line_is_told(start) -> None:
    """What a server of the user's says is repeated as it is: it helps whoever wrote it."""
    for part, words in (("target", "RuntimeError: out of luck"), ("server", "Traceback (most recent")):
        with pytest.raises(ServiceError, match="exit code 1") as caught:
            async with start("raise RuntimeError('out of luck')", part=part):
                pass
        assert caught.value.why.startswith(words)


async def test_a_child_that_was_killed_before_it_is_ready_is_told_by_signal(start) -> None:
    """As a person would say it."""
    with pytest.raises(
        ServiceError, match=r"ended before it was ready: killed by signal 9 \(SIGKILL\)"
    ) as caught:
        async with start("import os; os.kill(os.getpid(), 9)"):
            pass
    assert caught.value.why == "It wrote nothing."


async def test_a_child_that_does_not_get_ready_is_told_with_what_was_awaited(
    start, undo: UndoJournal
) -> None:
    """What, for how long, the last state, and what it said; and it is gone."""
    with pytest.raises(ServiceError) as caught:
        async with start("print('thinking', flush=True); import time; time.sleep(600)", ready_s=0.3):
            pass
    assert caught.value.what == "part did not get ready. Waited 0.3s for a line like '^up$' in part.log"
    assert caught.value.why.splitlines()[0] == "Last state: no such line yet"
    assert undo.open() == []


async def test_a_program_that_is_not_there_is_told(undo: UndoJournal, tmp_path: Path) -> None:
    """With the name that was asked for."""
    log = tmp_path / "part.log"
    with pytest.raises(ServiceError, match="exit code 127") as caught:
        async with running(["/no/such/program"], name="part", log=log, ready=readiness.line("x", log)):
            pass
    assert caught.value.why == "Cannot start /no/such/program: No such file or directory"


async def test_a_deaf_child_is_killed_after_a_bounded_wait(start) -> None:
    """The second rung of the ladder."""
    async with start(DEAF, stop_s=0.1) as child:
        pass
    assert child.returncode == -signal.SIGKILL


async def test_a_paused_child_ends_in_good_order(start) -> None:
    """It is let go on, so that it can."""
    async with start(TALKS) as child:
        child.signal(signal.SIGSTOP)
    assert child.returncode == -signal.SIGTERM


async def test_the_stop_signal_is_the_child_s_own(start) -> None:
    """PostgreSQL wants SIGINT, others something else."""
    async with start(TALKS, stop_signal=signal.SIGUSR1) as child:
        pass
    assert child.returncode == -signal.SIGUSR1


async def test_all_that_came_of_a_child_is_gone_with_it(start) -> None:
    """In its session, out of it, and out of its family: found by session, parent and mark."""
    async with start(BREEDS) as child:
        pids = [int(line.split()[1]) for line in child.log_text().splitlines() if line.startswith("pid")]
        offspring = [proctable.read(pid) for pid in pids]
        assert len([each for each in offspring if each]) == 3
        orphan = offspring[2]
        assert orphan
        assert orphan.session != child.pid
        assert orphan.ppid != child.pid
    assert not [each for each in offspring if each and proctable.is_alive(each.pid, each.start_ticks)]


async def test_kill_ends_all_of_it_without_a_word(start) -> None:
    """As a crash would; leaving afterwards is no error."""
    async with start(BREEDS) as child:
        family = child._family()
        await child.kill()
        assert child.returncode == -signal.SIGKILL
        assert await child.wait() == -signal.SIGKILL
        assert not [each for each in family if proctable.is_alive(each.pid, each.start_ticks)]
        child.signal(signal.SIGTERM)


async def test_what_a_child_leaves_behind_when_it_ends_by_itself_is_swept(start) -> None:
    """Its offspring outlived it; the end of the block ends them."""
    async with start(BREEDS.replace("time.sleep(600)\n", ""), ready=None) as child:
        assert await child.wait() == 0
        pids = [int(line.split()[1]) for line in child.log_text().splitlines() if line.startswith("pid")]
        assert all(proctable.read(pid) for pid in pids)
    left = [proctable.read(pid) for pid in pids]
    assert not [each for each in left if each and each.alive]


async def test_an_interruption_of_the_stopping_leaves_nothing_either(start) -> None:
    """A second Ctrl-C while a deaf child is waited for."""
    inside = asyncio.Event()
    children = []

    async def body() -> None:
        async with start(DEAF, stop_s=60) as child:
            children.append(child)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await inside.wait()
    task.cancel()
    while children[0].returncode is None and not task.done():
        await asyncio.sleep(0)  # until the ladder has begun, and on it
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert proctable.read(children[0].pid) is None


async def test_environment_directory_and_descriptors_are_passed(start, tmp_path: Path) -> None:
    """Ours, with changes; nothing else is inherited."""
    reader, writer = os.pipe()
    code = f"import os; os.write({writer}, (os.environ['GREETING'] + os.getcwd()).encode()); " + TALKS
    try:
        async with start(code, env={"GREETING": "hello "}, cwd=tmp_path, pass_fds=[writer]):
            assert os.read(reader, 1000).decode() == f"hello {tmp_path}"
        async with start("import os; print(*sorted(os.listdir('/proc/self/fd'))); " + TALKS) as child:
            assert len(child.log_text().split()) <= 5  # 0, 1, 2, the listing itself, and `up`
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.skipif(os.geteuid() != 0, reason=getting.AS_ROOT)
async def test_a_child_can_run_as_another_user(undo: UndoJournal, tmp_path: Path) -> None:
    """User, group, and no other groups."""
    log = tmp_path / "part.log"
    argv = ["/bin/sh", "-c", "cat /proc/self/status; echo up; sleep 600"]
    ready = readiness.line("^up$", log)
    user = RunAs(65534, 65533)
    async with running(argv, name="part", log=log, ready=ready, user=user, cwd=Path("/")):
        said = dict(line.split(":", 1) for line in log.read_text().splitlines() if ":" in line)
    assert said["Uid"].split() == ["65534"] * 4
    assert said["Gid"].split() == ["65533"] * 4
    assert said["Groups"].split() == []


async def test_a_program_starts_with_the_usual_signals(undo: UndoJournal, tmp_path: Path) -> None:
    """Python ignores SIGPIPE, and what is ignored is inherited."""
    log = tmp_path / "part.log"
    given = {"name": "part", "log": log, "ready": readiness.line("^up$", log)}
    async with running(["/bin/sh", "-c", "cat /proc/self/status; echo up; sleep 600"], **given) as child:
        masks = dict(line.split(":\t", 1) for line in child.log_text().splitlines() if line.startswith("Sig"))
        assert int(masks["SigBlk"], 16) == 0
        assert not int(masks["SigIgn"], 16) & (1 << (signal.SIGPIPE - 1))


async def test_children_are_started_from_the_main_thread_only(start) -> None:
    """They die with the thread that started them, and would do so by surprise."""
    caught: list[BaseException] = []

    async def body() -> None:
        async with start(TALKS):
            pass

    def thread() -> None:
        try:
            asyncio.run(body())
        except ServiceError as error:
            caught.append(error)

    worker = threading.Thread(target=thread)
    worker.start()
    await asyncio.to_thread(worker.join)
    assert "from a thread" in str(caught[0])


async def test_usage_of_a_tree_counts_children_that_have_ended(start) -> None:
    """Work done by a child that was waited for is work done."""
    burn = "x = sum(range(3_000_000))"
    code = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', '''{burn}'''], check=True); " + TALKS
    )
    async with start(code) as child:
        tree, alone = usage.of_tree(child.pid), usage.of_process(child.pid)
        assert tree.cpu_s > alone.cpu_s
        assert tree.rss_bytes >= alone.rss_bytes > 1_000_000
        assert tree.run_delay_s >= 0
        assert usage.of_tree(child.pid).at_s > tree.at_s
    gone = usage.of_tree(child.pid)
    assert (gone.cpu_s, gone.rss_bytes, usage.of_process(child.pid).cpu_s) == (0, 0, 0)


async def test_a_process_that_cannot_be_ended_in_time_stays_written_down(
    start, undo: UndoJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The janitor goes on where the ladder ended."""
    monkeypatch.setattr(process, "SWEEP_S", 0.05)
    with monkeypatch.context() as patch:
        async with start(DEAF, stop_s=0.05) as child:
            patch.setattr(proctable, "send", lambda *_: False)
    assert child.returncode is None
    assert [entry.data["pid"] for entry in undo.open()] == [child.pid]
    await child.kill()
    child._process.wait(60)


ORPHANS = """
import asyncio, sys
from pathlib import Path
from harness.run_directory.undo import Ended, UndoJournal as Journal
from harness.services.processes import readiness
from harness.services.processes.process import RunAs, running
from harness.services.fault_sites.restartable import RestartableProcess as Seat

async def main(place, user):
    log = place / "part.log"
    with Journal(place / "undo.jsonl") as undo:
        async with running(
            ["/bin/sh", "-c", "echo up; sleep 600; echo over"], name="part", log=log, cwd=Path("/"),
            ready=readiness.line("up", log), user=RunAs(65534, 65534) if user else None,
        ) as child:
            print(child.pid, child.start_ticks, flush=True)
            await asyncio.Event().wait()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2] == "user"))
"""


@pytest.mark.parametrize(
    "who", ["same", pytest.param("user", marks=pytest.mark.skipif(os.geteuid() != 0, reason=getting.AS_ROOT))]
)
async def test_a_child_dies_with_a_killed_parent_without_any_janitor(tmp_path: Path, who: str) -> None:
    """The kernel's work; of another user's process too, where the change of user would clear the wish."""
    parent = subprocess.Popen([sys.executable, "-c", ORPHANS, tmp_path, who], stdout=subprocess.PIPE)
    try:
        line = await asyncio.to_thread(parent.stdout.readline)
        pid, ticks = (int(word) for word in line.split())
        assert proctable.is_alive(pid, ticks)
        parent.kill()
        async with asyncio.timeout(60):
            while proctable.is_alive(pid, ticks):
                await asyncio.sleep(0.01)
    finally:
        parent.kill()
        parent.wait(60)
        parent.stdout.close()
        for stray in proctable.marked(f"{tmp_path / 'undo.jsonl'}#", proctable.table()):
            proctable.send(
                stray, signal.SIGKILL
            )  # the shell's own child, which nobody asked the kernel to end


async def test_no_program_starts_that_is_not_written_down(
    start, undo: UndoJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, say."""

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(UndoJournal, "process", full)
    with pytest.raises(OSError, match="No space left"):
        async with start(f"open({str(tmp_path / 'ran')!r}, 'w')"):
            pass
    assert not proctable.marked(f"{undo.path}#", proctable.table())
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("parent", "word"), [("ours", b""), ("another", b"g")])
def test_a_launcher_whose_parent_died_starts_nothing(tmp_path: Path, parent: str, word: bytes) -> None:
    """Told by the end of the gate, or by having another parent than it should."""
    gate, opener = os.pipe()
    os.write(opener, word)
    os.close(opener)
    numbers = [gate, os.getpid() if parent == "ours" else 1, 9, -1, -1, 0]
    argv = [
        sys.executable,
        "-I",
        "-S",
        launch.__file__,
        *map(str, numbers),
        "-",
        "touch",
        str(tmp_path / "ran"),
    ]
    done = subprocess.run(argv, pass_fds=[gate], timeout=100, check=False)
    os.close(gate)
    assert done.returncode == launch.NOT_STARTED
    assert not (tmp_path / "ran").exists()


async def test_a_part_that_ends_unasked_is_told_of_at_once(start, undo: UndoJournal) -> None:
    """With how, and its last words without what would move the cursor."""
    told: list[Ended] = []
    undo.unasked = told.append
    async with start("print('\x1b[31mred\x1b[0m \x07bell', flush=True);" + TALKS, part="postgres") as child:
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()
    (one,) = told
    assert (one.part, one.pid, one.how) == ("postgres", child.pid, "killed by signal 9 (SIGKILL)")
    assert one.last_words == "red  bell\nup"


async def test_a_part_that_ends_by_itself_is_told_of_with_its_exit_code(start, undo: UndoJournal) -> None:
    """And with the processes that it leaves behind."""
    told: list[Ended] = []
    undo.unasked = told.append
    leaves = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
    )
    async with start(f"{leaves}; sys.exit(0)", ready=None, part="server") as child:
        await child.wait()
        assert [(one.how, one.in_order, one.left) for one in told] == [("exit code 0", True, 1)]


async def test_what_we_end_and_what_may_end_is_not_told_of(start, undo: UndoJournal) -> None:
    """A kill of the plan, the end of the run, a program that is there to come to an end."""
    told: list[Ended] = []
    undo.unasked = told.append
    async with start(TALKS, part="target") as killed:
        await killed.kill()
    async with start(TALKS, part="target"):
        pass
    async with start("", ready=None) as done:
        await done.wait()
    with pytest.raises(ServiceError):
        async with start("import sys; sys.exit(1)", part="target"):
            pass
    assert told == []


async def test_a_part_that_had_ended_before_it_was_asked_to_is_told_of(start, undo: UndoJournal) -> None:
    """Whoever fails for want of it ends the run at once, and its end is to be known all the same."""
    told: list[Ended] = []
    undo.unasked = told.append
    async with start(TALKS, part="target") as child:
        os.kill(child.pid, signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # the event loop has not heard of it
    assert [(one.part, one.how) for one in told] == [("target", "killed by signal 9 (SIGKILL)")]


async def test_a_part_that_is_killed_before_it_is_ready_is_no_bug(start) -> None:
    """Exit 3 by a signal; the server under test that leaves by itself is not there: 4."""
    with pytest.raises(PartGoneError, match="killed by signal 9") as gone:
        async with start("import os; os.kill(os.getpid(), 9)", part="target"):
            pass
    with pytest.raises(ServiceError) as left:
        async with start("import sys; sys.exit(1)", part="target"):
            pass
    assert (gone.value.exit_code, left.value.exit_code) == (3, 4)


async def test_a_part_that_was_restarted_is_watched_again(start, undo: UndoJournal) -> None:
    """Emptied and filled by us nothing is told; then it is killed."""
    told: list[Ended] = []
    undo.unasked = told.append
    async with RestartableProcess(lambda: start(TALKS, part="target")) as process:
        await process.restart()
        await process.kill()
        await process.start()
        assert told == []
        os.kill(process.child.pid, signal.SIGKILL)
        await process.child.wait()
        assert [one.part for one in told] == ["target"]
