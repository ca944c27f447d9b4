"""Locust's own channel, sealed: encrypted, and open to those who have the token of the run.

ZeroMQ's CURVE does it. The master's key follows from the token, and its public half is told to nobody: a worker that has
the token knows it too, and anybody else cannot finish a handshake, so that no message of theirs reaches Locust.
What a worker sends is read by the master of its run alone.

A plain `locust --master` and `locust --worker` are sealed as well when both are given the same token; without one they are as
Locust made them.
"""

import functools
import os
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import zmq
from locust.rpc import zmqrpc
from zmq.utils import z85

from harness.foundation.errors import UsageError
from harness.load import token

_OPEN: Final = zmqrpc.BaseSocket.__init__


def seal(text: str) -> None:
    """Every socket of Locust's that this process opens from here on."""
    secret = z85.encode(token.key(text))
    public = zmq.curve_public(secret)

    @functools.wraps(_OPEN)
    def sealed(self: Any, sock_type: int, ipv4_only: bool) -> None:
        _OPEN(self, sock_type, ipv4_only)
        if sock_type == zmq.ROUTER:
            self.socket.curve_secretkey = secret
            self.socket.curve_server = True
        else:
            self.socket.curve_publickey, self.socket.curve_secretkey = zmq.curve_keypair()
            self.socket.curve_serverkey = public

    zmqrpc.BaseSocket.__init__ = sealed


def seal_as_told(environment: MutableMapping[str, str] = os.environ) -> None:
    """With the token of the environment, if it has one; a token that cannot be used ends the process."""
    try:
        text = token.given(environment)
        if text:
            token.check_sealable()
    except UsageError as error:
        sys.exit(str(error))
    environment.pop(token.VARIABLE, None)
    if text:
        seal(text)
