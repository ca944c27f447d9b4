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


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc can be asked to give back free memory"
)
def test_free_memory_goes_back_to_the_system() -> None:
    """Without it the process would hold most of what it once needed."""
    done = subprocess.run([sys.executable, "-c", HOLES], capture_output=True, text=True, check=True)
    full, holes, after, in_use = map(float, done.stdout.split())

    assert holes > full / 2  # the C library keeps it
    assert after < full / 4
    assert in_use > 2_000_000
