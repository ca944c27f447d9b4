"""`python -m tests.e2e.verify_kills 20`: kill -9 of `harness verify` at random moments: is anything left of what it wrote?

A deployment keeps entries; two verifications at a time write to it, one of them is killed after so many writes of both, and somebody else's entries are there
all along. When the janitor is through, what is left must be what others wrote.
"""

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from pathlib import Path

from harness.run_directory.undo import read_open
from tests.fakes.deployment import deployed

SPEC = """
write: {call: put, args: {id: "{{unique}}"}}
read: {call: get, args: {id: "{{unique}}"}}
remove: {call: drop, args: {id: "{{unique}}"}}
"""
MANY = '''
"""Writes much, so that it can be killed in the middle."""
import pytest
pytestmark = pytest.mark.data

@pytest.mark.parametrize("round", range(40))
def test_it(client, unique, cleanup, round):
    name = unique("thing")
    cleanup.tool("drop", {"id": name})
    assert client.call("put", {"id": name}).outcome == "ok"
'''
WRITES = 30
LEFT_S = 30.0


async def killed(place: Path, after: int) -> tuple[set[str], int]:
    """What is left of its data, and how many writes there were."""
    (place / "verify.yaml").write_text(SPEC)
    (place / "test_p1_many.py").write_text(MANY)
    async with deployed() as (url, fake):
        fake.kept["somebody else's"] = "another"
        argv = [
            sys.executable, "-m", "harness", "verify", "--url", url, "--allow-writes", "--out", str(place / "out"), "--category", "data",
            str(place / "verify.yaml"), str(place / "test_p1_many.py"),
        ]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        for _ in range(after):
            await fake.writes.get()
        process.send_signal(signal.SIGKILL)
        await process.wait()
        (undo,) = (place / "out" / "verify").glob("*/undo.jsonl")
        async with asyncio.timeout(LEFT_S):
            while read_open(undo):
                await asyncio.sleep(0.05)
    return set(fake.kept) - {"somebody else's"}, len(fake.ever)


async def main(times: int, seed: int) -> int:
    """The number of times that something was left."""
    chance = random.Random(seed)
    wrong = 0
    for number in range(times):
        with tempfile.TemporaryDirectory(prefix="harness-verify-kills-") as place:
            after = chance.randint(1, WRITES)
            left, writes = await killed(Path(place), after)
        wrong += bool(left)
        shown = sorted(left) or "nothing"
        print(f"{number + 1:3}: killed after {after} writes, {writes} were made, left: {shown}", flush=True)  # noqa: T201
    print(f"{times - wrong} of {times} left nothing behind")  # noqa: T201
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=int, nargs="?", default=20)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    sys.exit(bool(asyncio.run(main(told.times, told.seed))))
