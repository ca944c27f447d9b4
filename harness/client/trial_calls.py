"""Tries everything a server offers once, with arguments made from its schemas, before any load.

    only what reads (`readOnlyHint`), unless writes are allowed
    those that need the fewest arguments first: what they show is tried as an argument of the others
    the first arguments are the likeliest that the schema allows, the next ones differ, with optional ones among them
    what failed is tried again when something new has been learnt

Arguments that worked make the load; what failed is left out of it, and the reason is kept. A tool that may write is given
nothing that was learnt: else it would write to what is there.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from harness.client.offer import Offered
from harness.client.session import Client
from harness.foundation.errors import HarnessError
from harness.foundation.untrusted.printable import printable
from harness.mcp import outcome, stdio_address
from harness.mcp.argument_refusal import refused_arguments
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Reply
from harness.mcp.schemas import templates
from harness.mcp.schemas.arguments import drawn
from harness.mcp.schemas.learnt import Learnt
from harness.mcp.schemas.values import NoValueError
from harness.mcp.tool import only_reads, required

EXAMPLES_MOST: Final = 6  # arguments of one tool that the load chooses from
TRIES_MOST: Final = 10
ROUNDS_MOST: Final = 3
PROPOSED_MOST: Final = 20
SLOW_TRIES_MOST: Final = 3
QUICK_S: Final = 1.0
TOOL_S: Final = 3.0  # no more is tried of a tool that has worked, and has taken so long
ALL_S: Final = 180.0
REOPENED_MOST: Final = 10
REASON_CHARS: Final = 160
WRITES: Final = "not annotated as read-only"
NO_TIME: Final = "the time for trying calls was over"
ASKS: Final = "it asks the user something"

T = TypeVar("T")
Opener = Callable[[], AbstractAsyncContextManager[Client]]


@dataclass(frozen=True, slots=True)
class Tried:
    """The result of trying one tool, resource or prompt."""

    offered: Offered
    examples: tuple[JsonObject, ...] = ()  # arguments that worked
    left_out: str = ""  # why the load does not call it
    refused: bool = False  # for its arguments


@dataclass(slots=True)
class Reopening:
    """A session that is opened again when it is lost."""

    opener: Opener
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    client: Client | None = None
    reopened: int = 0

    async def exchange(self, one: Offered, arguments: JsonObject) -> Reply:
        if self.client is None:
            self.client = await self.stack.enter_async_context(self.opener())
        reply = await _asked(self.client, one, arguments)
        if reply.outcome in outcome.CONNECTION_FAILURES or reply.outcome == outcome.SESSION_LOST:
            await self.close()
            self.reopened += 1
        return reply

    async def with_client(self, ask: Callable[[Client], Awaitable[T]]) -> T:
        """Ask something else of the session that is open."""
        if self.client is None:
            self.client = await self.stack.enter_async_context(self.opener())
        return await ask(self.client)

    async def close(self) -> None:
        self.client = None
        stack, self.stack = self.stack, AsyncExitStack()
        await stack.aclose()


@asynccontextmanager
async def reopening(opener: Opener) -> AsyncIterator[Reopening]:
    one = Reopening(opener)
    try:
        yield one
    finally:
        await one.close()


async def try_all(
    offered: Sequence[Offered],
    session: Reopening,
    *,
    seed: int,
    allow_writes: bool,
    learnt: Learnt,
) -> list[Tried]:
    """Try each; return them in the server's order."""
    rng = Random(seed)
    until_s = time.monotonic() + ALL_S
    tried = {one: _not_called(one, allow_writes=allow_writes) for one in offered}
    waiting = sorted((one for one in offered if not tried[one].left_out), key=_arguments_needed)
    for one in offered:
        if one.kind == "resource":
            learnt.add("uri", one.name)
    for _ in range(ROUNDS_MOST):
        known = learnt.count
        for one in waiting:
            if time.monotonic() > until_s or session.reopened > REOPENED_MOST:
                tried[one] = tried[one] if tried[one].left_out else replace(tried[one], left_out=NO_TIME)
                continue
            tried[one] = await _try(one, session, rng, learnt)
        waiting = [one for one in waiting if tried[one].left_out not in {"", NO_TIME}]
        if not waiting or learnt.count == known:
            break
    return list(tried.values())


def learnt_of(url: str) -> Learnt:
    """Return the paths that exist among the words of the server's command line."""
    learnt = Learnt()
    argv = stdio_address.command(url) or []
    words = [word.partition("=")[2] or word for word in argv[1:]]
    learnt.from_words(argv[1:], is_path=[word for word in words if _is_directory(word)])
    return learnt


def _is_directory(word: str) -> bool:
    try:
        return word.startswith(("/", "./", "../", "~")) and Path(word).expanduser().is_dir()
    except (OSError, ValueError):
        return False


def _not_called(one: Offered, *, allow_writes: bool) -> Tried:
    if one.kind == "tool" and not allow_writes and not only_reads(one.described):
        return Tried(one, left_out=WRITES)
    return Tried(one)


def _arguments_needed(one: Offered) -> tuple[int, int]:
    if one.kind == "tool":
        return 0, len(required(one.described))
    return {"resource": 1, "template": 2, "prompt": 3}[one.kind], 0


def arguments_of(
    one: Offered, rng: Random, learnt: Learnt, completed: Mapping[str, list[str]] = templates.NOTHING
) -> Iterator[JsonObject]:
    """Ever more arguments for it."""
    match one.kind:
        case "tool":
            known = learnt if only_reads(one.described) else Learnt()
            about = str(one.described.get("description") or "")
            return drawn(one.described.get("inputSchema"), rng, known, about)
        case "resource":
            return iter([{"uri": one.name}])
        case "template":
            return ({"uri": uri} for uri in templates.filled(one.name, learnt, completed))
        case "prompt":
            return drawn(templates.prompt_schema(one.described, completed), rng, learnt)


async def _try(one: Offered, session: Reopening, rng: Random, learnt: Learnt) -> Tried:
    """Try one until there are examples enough, or tries enough."""
    try:
        completed = await session.with_client(lambda client: proposals(client, one))
        return await _tried(one, session, arguments_of(one, rng, learnt, completed), learnt)
    except NoValueError as error:
        return Tried(one, left_out=f"no arguments could be made: {error}", refused=True)
    except HarnessError as error:
        why = printable(error.why or error.what, REASON_CHARS)
        return Tried(one, left_out=f"no session could be opened: {why}")


async def _tried(one: Offered, session: Reopening, more: Iterator[JsonObject], learnt: Learnt) -> Tried:
    worked: list[tuple[float, JsonObject]] = []  # and how long each took
    began_s = time.monotonic()
    failed: Reply | None = None  # the first failure: it had the likeliest arguments
    for number, arguments in enumerate(more, start=1):
        asked_s = time.monotonic()
        reply = await session.exchange(one, arguments)
        if reply.outcome in {outcome.OK, outcome.RATE_LIMITED}:
            worked.append((time.monotonic() - asked_s, arguments))
            learnt.from_reply(one.name if one.kind == "tool" else "", arguments, contents(reply))
        else:
            failed = failed or reply
        if (
            len(worked) >= EXAMPLES_MOST
            or number >= TRIES_MOST
            or reply.outcome in outcome.CONNECTION_FAILURES
        ):
            break
        slow = number > 1 and time.monotonic() - began_s > TOOL_S
        quick = any(took_s <= QUICK_S for took_s, _ in worked)
        if slow and (quick or number >= SLOW_TRIES_MOST):
            break
    return Tried(one, tuple(_quick(worked))) if worked else _failed(one, failed)


def _quick(worked: Sequence[tuple[float, JsonObject]]) -> Iterator[JsonObject]:
    """Return the quick calls: at most a second, or little more than the quickest. Some tools sleep for as long as an argument says."""
    limit_s = max(QUICK_S, 2 * min(took_s for took_s, _ in worked))
    return (arguments for took_s, arguments in worked if took_s <= limit_s)


async def proposals(client: Client, one: Offered) -> dict[str, list[str]]:
    """What the server itself proposes for the arguments of a prompt, or the variables of a template."""
    if one.kind == "prompt":
        given = one.described.get("arguments")
        names = (
            [item.get("name") for item in given if isinstance(item, dict)] if isinstance(given, list) else []
        )
        ref: JsonObject = {"type": "ref/prompt", "name": one.name}
    elif one.kind == "template":
        names, ref = list(templates.variables(one.name)), {"type": "ref/resource", "uri": one.name}
    else:
        return {}
    proposed: dict[str, list[str]] = {}
    for name in [name for name in names if isinstance(name, str)][:PROPOSED_MOST]:
        params = {"ref": ref, "argument": {"name": name, "value": ""}}
        reply = await client.request("completion/complete", params)
        if reply.outcome != outcome.OK:
            break
        completion = reply.mapping().get("completion")
        values = completion.get("values") if isinstance(completion, dict) else None
        if isinstance(values, list):
            proposed[name] = [value for value in values if isinstance(value, str)][:PROPOSED_MOST]
    return proposed


def _failed(one: Offered, reply: Reply | None) -> Tried:
    if reply is None:
        return Tried(one, left_out="no arguments could be made", refused=True)
    if reply.outcome == outcome.INPUT_REQUIRED:
        return Tried(one, left_out=ASKS)
    reason = printable(f"{reply.outcome}: {_said(reply)}" if _said(reply) else reply.outcome, REASON_CHARS)
    if refused_arguments(reply.outcome, reply.code, _said(reply)):
        return Tried(one, left_out=f"refused arguments: {reason}", refused=True)
    return Tried(one, left_out=reason)


def _said(reply: Reply) -> str:
    """All of the server's words: what a row holds of them is shorter."""
    if reply.outcome == outcome.TOOL_ERROR:
        texts = [part for part in contents(reply) if isinstance(part, str)]
        if texts:
            return " ".join(texts[0].split())
    return reply.detail


def contents(reply: Reply) -> list[Any]:
    """The structured content and the texts of a reply: a tool's, a resource's."""
    result = reply.mapping()
    content: list[Any] = []
    if isinstance(result.get("structuredContent"), dict | list):
        content.append(result["structuredContent"])
    for key in ("content", "contents"):
        parts = result.get(key)
        for part in parts[:50] if isinstance(parts, list) else ():
            if isinstance(part, dict):
                embedded = part.get("resource")
                inner: JsonObject = embedded if isinstance(embedded, dict) else part
                content += [value for name in ("text", "uri") if isinstance(value := inner.get(name), str)]
    return content


async def _asked(client: Client, one: Offered, arguments: JsonObject) -> Reply:
    match one.kind:
        case "tool":
            return await client.call(one.name, arguments)
        case "prompt":
            return await client.request("prompts/get", {"name": one.name, "arguments": arguments})
        case _:
            return await client.request("resources/read", arguments)
