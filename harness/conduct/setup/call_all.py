"""The workload of `call_all`: everything the server offers, each thing tried before the load with arguments made from its schema.

What worked makes the load, each as often as every other; what is left out, and why, goes into metadata.json for the report's
table of coverage. A server of which nothing can be called is an error, with the reasons.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import islice
from random import Random
from typing import Any, Final

from harness.client.offer import Offered, besides_tools, of_tools
from harness.client.preflight import Discovered
from harness.client.session import Client, connected
from harness.client.trial_calls import (
    ALL_S,
    EXAMPLES_MOST,
    WRITES,
    Tried,
    arguments_of,
    learnt_of,
    reopening,
    try_all,
)
from harness.conduct.run_values import RunContext
from harness.conduct.setup.server import ServerUnderTest
from harness.foundation.errors import UsageError
from harness.foundation.units import show_duration
from harness.mcp.schemas.learnt import Learnt
from harness.mcp.schemas.values import NoValueError
from harness.mcp.tool import only_reads

TRY_S: Final = 30.0  # for one call
REASONS_SHOWN: Final = 6
ENTRIES_MOST: Final = 1_000


async def whole_workload(run: RunContext, server: ServerUnderTest) -> list[Mapping[str, Any]]:
    """Try everything, and return the entries of the load."""
    scenario = run.asked.scenario
    door = server.door(through=False)

    def opener() -> AbstractAsyncContextManager[Client]:
        return connected(
            door.url,
            door.protocol,
            headers=door.headers,
            timeout_s=min(scenario.timeout, TRY_S),
            mirrored=server.discovered.mirrored,
        )

    learnt = learnt_of(door.url)
    offered = of_tools(server.discovered.tools or [])
    async with reopening(opener) as session:
        if run.call_all == "everything":
            offered += await session.with_client(besides_tools)
        if scenario.expect_failures:
            tried = [_untried(one, scenario.seed, allow_writes=scenario.allow_writes) for one in offered]
        else:
            run.progress.note(
                f"Trying what it offers, one call after the other, for {show_duration(ALL_S)} at most"
            )
            tried = await try_all(
                offered, session, seed=scenario.seed, allow_writes=scenario.allow_writes, learnt=learnt
            )
    tried += [
        Tried(Offered("tool", name), left_out=f"it must not be called: {why}")
        for name, why in server.discovered.refused.items()
    ]
    called = [one for one in tried if not one.left_out]
    run.write_metadata(coverage=[_as_data(one) for one in tried[:ENTRIES_MOST]])
    if not called:
        raise _nothing(tried)
    run.progress.note(_said(tried, called, were_tried=not scenario.expect_failures))
    for line in reasons(tried):
        run.progress.note(line)
    return [entry(one) for one in called[:ENTRIES_MOST]]


async def tried_once(
    url: str,
    discovered: Discovered,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    seed: int,
    only_tools: bool = False,
) -> list[Tried]:
    """Try everything that a server offers and that only reads, without a run; or its tools alone."""

    def opener() -> AbstractAsyncContextManager[Client]:
        return connected(
            url, discovered.protocol, headers=headers, timeout_s=timeout_s, mirrored=discovered.mirrored
        )

    async with reopening(opener) as session:
        offered = of_tools(discovered.tools or [])
        if not only_tools:
            offered += await session.with_client(besides_tools)
        return await try_all(offered, session, seed=seed, allow_writes=False, learnt=learnt_of(url))


def entry(one: Tried) -> Mapping[str, Any]:
    """The entry of the load for one thing: it draws one of the examples."""
    key = {"tool": "call", "prompt": "prompt"}.get(one.offered.kind, "read")
    return {key: one.offered.name, "examples": list(one.examples)}


def _untried(one: Offered, seed: int, *, allow_writes: bool) -> Tried:
    if one.kind == "tool" and not allow_writes and not only_reads(one.described):
        return Tried(one, left_out=WRITES)
    try:
        return Tried(one, tuple(islice(arguments_of(one, Random(seed), Learnt()), EXAMPLES_MOST)))
    except NoValueError as error:
        return Tried(one, left_out=f"no arguments could be made: {error}", refused=True)


def _as_data(one: Tried) -> Mapping[str, Any]:
    return {
        "kind": one.offered.kind,
        "name": one.offered.name,
        "operation": one.offered.operation,
        "left_out": one.left_out,
        "refused": one.refused,
    }


def _said(tried: Sequence[Tried], called: Sequence[Tried], *, were_tried: bool) -> str:
    kinds = [
        f"{chosen} of {offered} {kind if offered == 1 else kind + 's'}"
        for kind in ("tool", "resource", "template", "prompt")
        if (chosen := sum(one.offered.kind == kind for one in called))
        and (offered := sum(one.offered.kind == kind for one in tried))
    ]
    how = "each tried before the load" if were_tried else "not tried before"
    return f"Calling {', '.join(kinds)}, {how}"


def reasons(tried: Sequence[Tried]) -> list[str]:
    """What is left out, and why; many that are left out for one reason share a line."""
    by_reason: dict[str, list[str]] = {}
    for one in tried:
        if one.left_out:
            by_reason.setdefault(one.left_out, []).append(one.offered.name)
    lines = [
        f"  left out: {_few(names)}: {why}{' (--allow-writes: they are called, too)' if why == WRITES else ''}"
        for why, names in by_reason.items()
    ]
    more = len(lines) - REASONS_SHOWN
    return [*lines[:REASONS_SHOWN], *([f"  and {more} more reasons, in the report"] if more > 0 else [])]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _nothing(tried: Sequence[Tried]) -> UsageError:
    if tried and all(one.left_out == WRITES for one in tried):
        return UsageError(
            f"None of the {len(tried)} tools of this server is annotated as read-only",
            f"It has {_few([one.offered.name for one in tried])}; a call of any may write",
            "Name one with --call, or call them all: --all-tools --allow-writes",
        )
    return UsageError(
        "Nothing that this server offers can be called",
        "\n".join(line.strip() for line in reasons(tried)) or "It offers nothing",
        "Name a tool and its arguments: --call TOOL --args JSON",
    )
