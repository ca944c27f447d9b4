"""What `make test` gets before the tests: the script itself, with an apt-get that notes what it is asked."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.parts

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "tests" / "prepare.sh"
TOOLS = ("bash", "sh", "grep", "flock", "mktemp", "sed", "tail", "chmod", "mv", "rm", "touch", "sleep")
ALLOWS = "#!/bin/sh\nexit 0\n"
LEFT = ("openssl", "curl", "chromium", "redis-server")

# As apt-get would: installs by putting a program there, after asking whether services may be started.
APT = """#!/bin/sh
trap 'exit 130' INT # without it dash may forget one that comes while it starts a program
echo "$*" >>"$NOTES/asked"
case "$*" in
*update*) exit 0 ;;
esac
"$PREPARE_ROOT/usr/sbin/policy-rc.d" redis-server start
echo $? >>"$NOTES/may-start"
left=600
while [ "$APT_DOES" = hang ] && [ $left -gt 0 ]; do
  left=$((left - 1))
  sleep 0.1
done
for package in "$@"; do
  [ "$package" = "$APT_LACKS" ] && echo "E: Unable to locate package $package" && exit 100
done
for package in "$@"; do
  case "$package" in openssl | curl | chromium | redis-server | rabbitmq-server) touch "$BIN/$package"; chmod 755 "$BIN/$package" ;; esac
done
exit 0
"""


class Machine:
    """A Debian of files: where its programs are, what its apt-get was asked."""

    def __init__(self, place: Path) -> None:
        self.place, self.bin = place, place / "bin"
        self.policy = place / "usr" / "sbin" / "policy-rc.d"
        for directory in ("bin", "usr/sbin", "etc", "run/lock"):
            (place / directory).mkdir(parents=True)
        (place / "etc" / "os-release").write_text("NAME=x\nID=debian\n")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
        self.program("apt-get", APT)
        self.program("id", "#!/bin/sh\necho ${WHO:-0}\n")
        self.program("update-rc.d", '#!/bin/sh\necho "$*" >>"$NOTES/boot"\n')
        self.program("systemctl", "#!/bin/sh\n")
        self.program("ip", "#!/bin/sh\n")
        self.program("mariadbd", "#!/bin/sh\n")
        self.program("rabbitmq-server", "#!/bin/sh\n")  # a real one in /usr/sbin would be found anyway

    def program(self, name: str, text: str) -> None:
        self.write(self.bin / name, text)

    def write(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def start(self, **environment: str) -> "subprocess.Popen[str]":
        own = {"PATH": str(self.bin), "BIN": str(self.bin), "NOTES": str(self.place)}
        return subprocess.Popen(
            [str(self.bin / "bash"), str(SCRIPT)],
            env={**own, "PREPARE_ROOT": str(self.place), "TMPDIR": str(self.place), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, **environment: str) -> str:
        """What it says; it never fails."""
        process = self.start(**environment)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        return said

    def note(self, name: str) -> list[str]:
        path = self.place / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Without openssl, Chromium and Redis."""
    return Machine(tmp_path)


@pytest.mark.parametrize("before", [None, ALLOWS])
def test_what_is_missing_is_installed_and_no_daemon_may_start(machine: Machine, before: str | None) -> None:
    """Not during the installation, not at the next boot; the machine's own rule is as it was afterwards."""
    if before:
        machine.write(machine.policy, before)

    assert machine.run() == f"Installing with apt-get, for the tests: {' '.join(LEFT)}\n"

    assert machine.note("may-start") == ["101"]
    assert machine.note("boot") == ["redis-server disable"]
    update, install = machine.note("asked")
    assert update.endswith("update")
    assert install.endswith(f"install -y --no-install-recommends {' '.join(LEFT)}")
    assert (machine.policy.read_text() if machine.policy.exists() else None) == before
    assert [path.name for path in machine.policy.parent.iterdir()] == (["policy-rc.d"] if before else [])
    assert machine.run() == ""
    assert len(machine.note("asked")) == 2


def test_a_machine_that_denies_starts_already_is_left_as_it_is(machine: Machine) -> None:
    """As in most container images."""
    machine.write(machine.policy, "#!/bin/sh\nexit 101\n")
    number = machine.policy.stat().st_ino
    machine.run()
    assert machine.note("may-start") == ["101"]
    assert machine.policy.stat().st_ino == number


def test_what_cannot_be_had_keeps_nothing_else_away_and_is_said(machine: Machine) -> None:
    """In apt-get's own words; the tests are run all the same."""
    said = machine.run(APT_LACKS="chromium")

    assert "could not install chromium; the tests that need them will be skipped" in said
    assert "Unable to locate package chromium" in said
    assert (machine.bin / "redis-server").exists()
    assert not machine.policy.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_one_leaves_the_machine_s_rule_as_it_was(
    machine: Machine, number: signal.Signals
) -> None:
    """Ctrl-C in the middle of the installation."""
    machine.write(machine.policy, ALLOWS)
    process = started_to_install(machine)
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert machine.policy.read_text() == ALLOWS


def test_what_a_killed_one_left_is_put_back_by_the_next(machine: Machine) -> None:
    """Nothing can be done in the moment itself."""
    machine.write(machine.policy, ALLOWS)
    process = started_to_install(machine)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert machine.policy.read_text() != ALLOWS
    machine.run()
    assert machine.policy.read_text() == ALLOWS


def started_to_install(machine: Machine) -> "subprocess.Popen[str]":
    process = machine.start(APT_DOES="hang")
    deadline = time.monotonic() + 60
    while not machine.note("may-start"):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("who", ["user", "another system"])
def test_who_cannot_install_is_not_bothered(machine: Machine, who: str) -> None:
    """Not a word: the list of skipped tests says how to get what is missing."""
    if who == "another system":
        (machine.place / "etc" / "os-release").write_text("ID=fedora\n")
    assert machine.run(WHO="1000" if who == "user" else "0") == ""
    assert machine.note("asked") == []
