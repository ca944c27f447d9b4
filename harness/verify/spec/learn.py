"""verify.yaml and its lock, written from a deployment that somebody says is good.

Nothing is written over. What was found is written down as expected: who it is, its doors, its tools, the calls that only read and were answered, whether
there is a page of health, whether strangers are refused. Credentials are not: `${VERIFY_...}` stands where they were.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from harness.client.offer import of_tools
from harness.client.session import connected
from harness.client.trial_calls import Tried, learnt_of, reopening, try_all
from harness.foundation.errors import UsageError
from harness.foundation.untrusted.documents import short
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Request
from harness.run_directory.directory import write_whole
from harness.verify.spec import lock
from harness.verify.spec.model import DOOR_NAMES
from harness.verify.target import Target

HEAD: Final = """# What is expected of this deployment: `harness verify {how} {name}`. Learned from a working one; docs/verify.md explains each key.
# To have writes checked, add (with tools of your own):
#   write: {{call: create_order, args: {{id: "{{{{unique}}}}"}}}}
#   read: {{call: get_order, args: {{id: "{{{{unique}}}}"}}}}
#   remove: {{call: delete_order, args: {{id: "{{{{unique}}}}"}}}}
# To have tasks followed, and deploys survived (--allow-writes, --allow-deploy):
#   tasks: {{submit: {{post: /tasks, json: {{}}}}, poll: {{get: "/tasks/{{{{id}}}}"}}}}
#   deploy: {{command: ./deploy.sh}}
"""


def learn(
    target: Target,
    path: Path,
    beyond: Callable[[Target], Mapping[str, Any]] = lambda _: {},
    safe: Mapping[str, Any] | None = None,
) -> list[str]:
    """What was written, a line each; `beyond` tells of what stands behind it, `safe` which calls have been tried already."""
    beside = path.with_name(lock.NAME)
    for each in (path, beside):
        if each.exists():
            raise UsageError(
                f"{short(str(each), 120)} already exists",
                "An existing file is not overwritten",
                "Remove it, or give another path",
            )
    newest = target.newest()
    if newest is None:
        raise UsageError(
            f"{target.shown} speaks no MCP",
            "So there is nothing to learn from it",
            "Give the address of a working deployment",
        )
    tools = target.tools(newest.name) or []
    sections = {**learnt(target, newest.name, tools, safe), **beyond(target)}
    try:
        write_whole(beside, lock.text_of(tools))
        text = yaml.safe_dump(sections, sort_keys=False, allow_unicode=True, width=120)
        write_whole(
            path,
            HEAD.format(name=path.name, how="--command COMMAND" if target.is_stdio else "--url URL") + text,
        )
    except OSError as error:
        raise UsageError(
            f"Cannot write {short(str(path), 120)}",
            error.strerror or str(error),
            "Give a path that can be written",
        ) from error
    return [
        f"{path}: {', '.join(sections)}",
        f"{beside}: {len(tools)} tools",
        *(f"export {name}=...  for its credentials" for name in _variables(target.settings.headers)),
        *(["--auth, as it was given now, for its token"] if target.keeper else []),
    ]


def learnt(
    target: Target, door: str, tools: list[JsonObject], safe: Mapping[str, Any] | None = None
) -> dict[str, object]:
    """As verify.yaml says it."""
    servers = [each.server for each in target.doors() if each.server != (None, None)]
    name, version = servers[0] if servers else (None, None)
    sections: dict[str, object] = {
        "identity": literal({key: text for key, text in (("name", name), ("version", version)) if text}),
        "doors": [each.name for each in target.doors() if each.name in DOOR_NAMES and each.name != "plain"],
        "tools": literal(
            {"lock": lock.NAME, "safe": dict(safe) if safe is not None else _answered(target, door, tools)}
        ),
    }
    if target.with_sessions() is not None:
        sections["sessions"] = {"required": True}
    if _is_refused(target):
        variables = _variables(target.settings.headers)
        good = {each: f"${{{name}}}" for name, each in variables.items()}
        sections["auth"] = {"required": True} | ({"good": good} if good else {})
    asked = Request("health", b"", (("Accept", "*/*"),), None, "GET")
    if not target.is_stdio and target.exchange(asked, f"{target.places.base}/health").status == 200:
        sections["health"] = {"url": "/health"}
    return {key: value for key, value in sections.items() if value}


def literal(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the server's values without those that contain `${`: verify.yaml would expand them, and send a variable of the environment to the server."""
    kept = {key: value for key, value in values.items() if "${" not in str(value) or key == "safe"}
    if "safe" in kept:
        kept["safe"] = {tool: given for tool, given in kept["safe"].items() if "${" not in f"{tool}{given}"}
    return kept


def _answered(target: Target, door: str, tools: list[JsonObject]) -> JsonObject:
    """Return the tools that only read and have answered, each with the first arguments that it took."""
    url, timeout_s = target.places.of(door), target.settings.timeout_s

    async def tried() -> list[Tried]:
        async with reopening(
            lambda: connected(url, door, headers=target.headers, timeout_s=timeout_s)
        ) as session:
            offered = of_tools(tools)
            return await try_all(offered, session, seed=0, allow_writes=False, learnt=learnt_of(url))

    return {one.offered.name: dict(one.examples[0]) for one in target.run(tried()) if one.examples}


def _is_refused(target: Target) -> bool:
    """Whether whoever comes without the headers that were given is."""
    if not target.settings.headers and target.keeper is None:
        return False
    first = target.first_request()
    return first is not None and target.exchange(first, headers={}).status in {401, 403}


def _variables(headers: Mapping[str, str]) -> dict[str, str]:
    """A variable for each header."""
    return {"VERIFY_" + re.sub(r"\W", "_", name).upper(): name for name in headers}
