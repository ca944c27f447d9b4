"""A target of several processes, in a sentence: how calls were shared out, and which sessions were lost why."""

from msgspec import UnsetType

from harness.run_directory.results import Summary
from harness.scenario.catalogue import BALANCES


def behind_the_balancer(summary: Summary) -> str:
    """Return what the balancer has counted; nothing where the target is one process."""
    relayed = summary.relayed
    if isinstance(relayed, UnsetType):
        return ""
    shares = ", ".join(f"{each.name} {each.requests:,}" for each in relayed.processes)
    how = BALANCES.get(relayed.balance, relayed.balance)
    return f"{how}; requests: {shares}; {_lost(summary)}" + _ended(relayed.refused, relayed.cut)


def _lost(summary: Summary) -> str:
    relayed = summary.relayed
    assert not isinstance(relayed, UnsetType)
    kinds = (
        (relayed.lost_elsewhere, "because another process was asked than the one that has them"),
        (relayed.lost_replaced, "with a process that was replaced"),
        (relayed.lost_forgotten, "by the process that had opened them"),
    )
    lost = [f"{count:,} {why}" for count, why in kinds if count]
    return f"it saw sessions lost: {', '.join(lost)}" if lost else "it saw no session lost"


def _ended(refused: int, cut: int) -> str:
    parts = [f"{refused:,} requests found no process"] if refused else []
    parts += [f"{cut:,} calls were ended in the middle by their process"] if cut else []
    return "".join(f"; {part}" for part in parts)
