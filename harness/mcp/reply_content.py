"""What a reply says: its texts, and its value.

The value of a tool's result is its `structuredContent`; else the JSON in its first text, if that is JSON; else its texts. Of any
other result (a resource, a prompt, a list) it is the result itself.
"""

from typing import Any, Final

import msgspec

from harness.mcp.messages import Reply

TEXTS: Final = {"content": "text", "contents": "text", "messages": "content"}


def texts_of(result: Any) -> list[str]:
    """Return the texts in a result: of a tool, a resource or a prompt."""
    if not isinstance(result, dict):
        return []
    texts = []
    for key in TEXTS:
        items = result.get(key)
        for item in items if isinstance(items, list) else ():
            inner = item.get("content", item) if key == "messages" and isinstance(item, dict) else item
            if isinstance(inner, dict) and isinstance(inner.get("text"), str):
                texts.append(inner["text"])
    return texts


def value_of(result: Any) -> Any:
    """Return the value of a decoded result."""
    if not isinstance(result, dict) or "content" not in result:
        return result
    if result.get("structuredContent") is not None:
        return result["structuredContent"]
    texts = texts_of(result)
    if texts and texts[0].lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(texts[0])
        except (msgspec.DecodeError, RecursionError):
            pass
    return "\n".join(texts)


def value_of_reply(reply: Reply) -> Any:
    """Return the value of a reply; None when there is none."""
    return value_of(reply.value())
