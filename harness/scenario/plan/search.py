"""What a search for capacity looks for, between which loads, and how long it may take. Pure values."""

from dataclasses import dataclass
from typing import Final

PATIENCE: Final = 36  # trials near the threshold in all the time there is, at most
NEAR_S_LEAST: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search for the largest load at which these objectives hold."""

    objectives: tuple[str, ...]
    first: float
    most: float
    within_s: float
    precision: float = 0.05  # half of the interval, as a share of its middle
    whole: bool = True  # loads are users

    @property
    def hold_s(self) -> float:
        """How long a trial near the threshold is."""
        return max(NEAR_S_LEAST, self.within_s / PATIENCE)

    @property
    def least(self) -> float:
        """The smallest load."""
        return 1.0 if self.whole else self.first / 1_000

    def rounded(self, load: float) -> float:
        bounded = min(max(load, self.least), self.most)
        return float(max(1, round(bounded))) if self.whole else float(f"{bounded:.4g}")
