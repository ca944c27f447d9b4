"""What a server of the user's is started with: `target.env` and `target.cwd`, over stdio and with an address."""

import sys
from pathlib import Path

import pytest

from harness.client.stdio import stdio_client
from harness.mcp.dialects.handshake import HandshakeSession
from harness.run_directory.undo import UndoJournal
from harness.services.processes import server_environment
from harness.services.processes.server_environment import Surroundings

TELLS = (
    "import json, os, sys\n"
    "for line in sys.stdin:\n"
    "    number = json.loads(line)['id']\n"
    "    told = {'key': os.environ.get('PLANTED_KEY'), 'cwd': os.getcwd()}\n"
    "    print(json.dumps({'jsonrpc': '2.0', 'id': number, 'result': told}), flush=True)\n"
)


async def asked(around: Surroundings) -> object:
    """What a server says that is started so."""
    with server_environment.in_force(around):
        async with stdio_client([sys.executable, "-c", TELLS], 30.0) as client:
            return (await client.exchange(HandshakeSession().call("x", {}))).value()


@pytest.mark.parts
async def test_a_command_gets_its_variables_and_its_directory(tmp_path: Path) -> None:
    """And without them those of the harness."""
    planted = Surroundings({"PLANTED_KEY": "it is here"}, str(tmp_path))
    with UndoJournal(tmp_path / "undo.jsonl"):
        told = [await asked(around) for around in (Surroundings(), planted)]

    assert told == [{"key": None, "cwd": str(Path.cwd())}, {"key": "it is here", "cwd": str(tmp_path)}]


def test_where_a_directory_cannot_be_given_the_shell_changes_there() -> None:
    """Words of the command stay what they are."""
    assert server_environment.there(["a b", "$c"], "") == ["a b", "$c"]
    assert server_environment.there(["a b", "$c"], "/x y")[-3:] == ["/x y", "a b", "$c"]
