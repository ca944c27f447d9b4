"""A question that verify.yaml declares, put to the deployment: a call of a tool, or a page. Names such as `{{id}}` are filled in."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from harness.foundation.untrusted import nesting
from harness.mcp import outcome
from harness.mcp.messages import Reply
from harness.verify.backends import page
from harness.verify.backends.page import Page
from harness.verify.backends.placeholders import marked
from harness.verify.doors import said
from harness.verify.spec.backends import Asked
from harness.verify.target import Target

OK: Final = 200


def ask(target: Target, question: Asked, names: Mapping[str, str]) -> Page:
    """Its answer."""
    if question.call:
        with target.client() as client:
            return of_tool(client.call(question.call, filled(question.args, names)))
    method, path = next(
        (method, path)
        for method, path in (("GET", question.get), ("POST", question.post), ("DELETE", question.delete))
        if path
    )
    for name, value in names.items():
        path = path.replace(marked(name), quote(value, safe=""))
    body = filled(question.json, names)
    url = f"{target.places.base}{path}"
    return target.run(page.asked(method, url, target.headers, target.settings.timeout_s, body))


def of_tool(reply: Reply) -> Page:
    """Return a tool's structured content, or its first text if that is JSON."""
    if reply.outcome != outcome.OK:
        return Page(None, None, said(reply))
    result = reply.mapping()
    value: Any = result.get("structuredContent")
    if value is None:
        content = result.get("content")
        first = content[0] if isinstance(content, list) and content else {}
        text = first.get("text") if isinstance(first, dict) else None
        try:
            value = nesting.value(text, page.BYTES_MOST) if isinstance(text, str) else None
        except ValueError:
            value = None
    return Page(OK, value)


def filled(value: Any, names: Mapping[str, str]) -> Any:
    """The same with each `{{NAME}}` replaced, wherever it stands."""
    if isinstance(value, dict):
        return {filled(key, names): filled(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, names) for item in value]
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(marked(name), text)
    return value
