"""Answers to a tool that asked for input (2026-07-28): what goes into the next round of the same call."""

from harness.mcp import outcome
from harness.mcp.json_object import JsonObject
from harness.mcp.messages import Answers, Reply

ROUNDS_MAX = 10
# Requests of a server, and the capability that a client declares when it can answer them.
CAPABILITY_OF = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}


def given(reply: Reply, answers: Answers) -> JsonObject | None:
    """The answers as parameters of the next round; None if nothing was asked, or an answer is missing."""
    asked = reply.mapping().get("inputRequests") if reply.outcome == outcome.INPUT_REQUIRED else None
    if not isinstance(asked, dict):
        return None
    responses = {}
    for name, question in asked.items():
        method = str(question.get("method")) if isinstance(question, dict) else ""
        if method not in answers:
            return None
        params = question.get("params")
        responses[name] = answers[method](params if isinstance(params, dict) else {})
    state = reply.mapping().get("requestState")
    return {"inputResponses": responses} | ({} if state is None else {"requestState": state})
