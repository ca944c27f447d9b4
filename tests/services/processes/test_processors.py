"""What the host took of the processors, and their clock, from files as the kernel writes them."""

from pathlib import Path

import pytest

from harness.run_directory.metadata import ProcessorFacts
from harness.services.processes.processors import Processors


def watched(place: Path, stats: list[str], clocks_khz: list[list[int]]) -> Processors:
    """Readings of these files, one after the other."""
    watch = Processors(stat=place / "stat", devices=place / "cpu")
    for number, stat in enumerate(stats):
        (place / "stat").write_text(stat)
        for cpu, khz in enumerate(clocks_khz[number] if number < len(clocks_khz) else []):
            folder = place / f"cpu/cpu{cpu}/cpufreq"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "scaling_cur_freq").write_text(f"{khz}\n")
        watch.look()
    return watch


def test_steal_is_its_share_of_all_time_between_the_first_reading_and_the_last(tmp_path: Path) -> None:
    """Of 1,000 ticks 30; time of guests is user time already, and counts once."""
    stats = ["cpu  100 0 50 800 0 0 0 7 40 0\ncpu0 1 2\n", "cpu  500 0 150 1270 0 0 0 37 90 0\n"]

    assert watched(tmp_path, stats, []).facts() == ProcessorFacts(
        steal_share=0.03, clock_mhz_low=None, clock_mhz_high=None
    )


def test_the_clock_is_the_mean_of_the_processors_without_odd_readings(tmp_path: Path) -> None:
    """What nine of ten readings are above, and below."""
    clocks = [[3_000_000, 2_800_000]] * 19 + [[800_000, 800_000]]

    found = watched(tmp_path, ["cpu 1 1 1 1 1 1 1 1\n"] * 20, clocks).facts()

    assert (found.clock_mhz_low, found.clock_mhz_high) == (2900, 2900)


@pytest.mark.parametrize("stat", ["", "cpu  1 2\n", "intr 1 2 3 4 5 6 7 8 9\n", "cpu a b c d e f g h\n"])
def test_what_the_kernel_does_not_tell_is_not_known(tmp_path: Path, stat: str) -> None:
    """Nor is it after one reading, or without the file."""
    assert watched(tmp_path, [stat, stat], [])._steal() is None
    assert watched(tmp_path, ["cpu 1 1 1 1 1 1 1 1\n"], []).facts().steal_share is None
    assert Processors(stat=tmp_path / "none").facts().steal_share is None
