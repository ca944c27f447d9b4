"""Which failures are refusals of arguments: in the words of the servers that were tried."""

import pytest

from harness.mcp.argument_refusal import refused_arguments


@pytest.mark.parametrize(
    ("ended", "code", "said", "refused"),
    [
        ("rpc_error", -32602, "no", True),
        ("rpc_error", -32601, "Method not found", False),
        ("rpc_error", None, "MCP error -32602: Invalid arguments for tool get-sum: [", True),
        (
            "tool_error",
            None,
            "MCP error -32602: Input validation error: Invalid arguments for tool echo",
            True,
        ),
        ("tool_error", None, "Input validation error: 'q' is a required property", True),
        ("tool_error", None, "Error executing tool git_log: 1 validation error for git_logArguments", True),
        ("tool_error", None, "2 validation errors for call[add]", True),
        ("tool_error", None, "ENOENT: no such file or directory", False),
        ("http_status", None, "500", False),
        ("ok", None, "invalid params", False),
    ],
)
def test_a_refusal_is_known_by_its_code_or_its_words(ended, code, said, refused) -> None:
    assert refused_arguments(ended, code, said) is refused
