"""Locust's own channel, sealed: encrypted, and open only to workers with the token of the run.

It uses ZeroMQ's CURVE. The master's key is derived from the token, and its public half is not sent to anyone:
a worker with the token can derive it, anyone else cannot finish a handshake, so that none of their messages
reaches Locust. Only the master of its run can read what a worker sends.

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

from harness.foundation.errors import USAGE, UsageError
from harness.load import token
from harness.load.inside.distributed.refusal import tell, watch

_OPEN: Final = zmqrpc.BaseSocket.__init__
_watched: list[Any] = []


def seal(text: str) -> None:
    """Seal every socket that Locust opens in this process from now on."""
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
            _watch_first(self.socket, has_token=True)

    zmqrpc.BaseSocket.__init__ = sealed


def leave_open() -> None:
    """Leave Locust's sockets unsealed; watch a worker's first one for a refusal."""

    @functools.wraps(_OPEN)
    def opened(self: Any, sock_type: int, ipv4_only: bool) -> None:
        _OPEN(self, sock_type, ipv4_only)
        if sock_type != zmq.ROUTER:
            _watch_first(self.socket, has_token=False)

    zmqrpc.BaseSocket.__init__ = opened


def _watch_first(socket: Any, *, has_token: bool) -> None:
    """Watch the first socket only: a worker that was accepted once may reconnect for other reasons."""
    if not _watched:
        _watched.append(socket)
        watch(socket, has_token=has_token)


def seal_as_told(environment: MutableMapping[str, str] = os.environ) -> None:
    """Seal with the token in the environment, if there is one.

    A token that cannot be used ends the process.
    """
    try:
        text = token.given(environment)
        if text:
            token.check_sealable()
    except UsageError as error:
        tell(error)
        sys.exit(USAGE)
    environment.pop(token.VARIABLE, None)
    if text:
        seal(text)
    else:
        leave_open()
