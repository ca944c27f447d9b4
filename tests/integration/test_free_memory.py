"""What is free goes back to the system; what is in use stays."""

import platform
import subprocess
import sys

import pytest

# Pieces of 4 to 64 KB, as results are; all but one of fifty are let go of again, so that no end of the heap is free.
HOLES = """
import random
from pathlib import Path
from harness.foundation.free_memory import give_back

def held_mb():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024

draw = random.Random(7)
pieces = [bytes(draw.randrange(4_000, 64_000)) for _ in range(4_000)]
full = held_mb()
pieces = pieces[::50]
holes = held_mb()
give_back()
print(full, holes, held_mb(), sum(map(len, pieces)))
"""
# A reply of 16 MB has been freed; then forty grow side by side, as those of forty connections, and are dropped in turn.
SIDE_BY_SIDE = """
import sys
from harness.foundation.free_memory import keep_large_apart

if sys.argv[1] == "apart":
    keep_large_apart()
del bytearray(16_000_000)[:]
growing = [bytearray() for _ in range(40)]
for turn in range(300):
    for number, one in enumerate(growing):
        one += bytes(60_000)
        if len(one) > 400_000 + number * 100_000:
            growing[number] = bytearray()
text = open("/proc/self/status").read()
print(int(text.partition("VmHWM:")[2].split()[0]) / 1000)
"""
glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked for it")


@glibc_only
def test_replies_that_grow_side_by_side_leave_no_holes() -> None:
    """Without pages of their own they take much more memory than they have bytes."""
    together, apart = (
        float(
            subprocess.run([sys.executable, "-c", SIDE_BY_SIDE, how], capture_output=True, check=True).stdout
        )
        for how in ("together", "apart")
    )

    assert apart < together - 20, (apart, together)


@glibc_only
def test_free_memory_goes_back_to_the_system() -> None:
    """Without it the process would hold most of what it once needed."""
    done = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    full, holes, after, in_use = map(float, done.stdout.split())

    assert holes > full / 2  # the C library keeps it
    assert after < full / 4
    assert in_use > 2_000_000
