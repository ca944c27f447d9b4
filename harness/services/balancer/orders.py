"""What the harness may tell its balancer, and what that answers: one struct an order, in lines of JSON."""

from typing import Final

import msgspec

from harness.services.balancer.relay import Relay
from harness.services.balancer.routing import LostSessions, Member

LINE_BYTES_MOST: Final = 1_000_000


class Join(msgspec.Struct, frozen=True, tag="join"):
    """Relay to another process from now on; or to this one, in the place of that name."""

    name: str
    host: str
    port: int


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """Take a process out of service: nothing new, then wait so long for what is under way."""

    name: str
    within_s: float


class Look(msgspec.Struct, frozen=True, tag="look"):
    """Say what there is."""


class MemberState(msgspec.Struct, frozen=True):
    """One process behind the balancer."""

    name: str
    address: str
    state: str
    requests: int
    in_flight: int
    sessions: int


class Status(msgspec.Struct, frozen=True):
    """What the balancer has done so far."""

    port: int
    balance: str
    members: tuple[MemberState, ...]
    elsewhere: int
    replaced: int
    forgotten: int
    refused: int
    cut: int


Order = Join | Drain | Look
_read: Final = msgspec.json.Decoder(Order)


class Orders:
    """Carries out what the harness tells."""

    def __init__(self, relay: Relay, port: int) -> None:
        self._relay, self._port = relay, port

    async def carry_out(self, line: bytes) -> bytes:
        """Carry out one order; return the status after it."""
        router = self._relay.router
        match _read.decode(line):
            case Join(name, host, port):
                there = [each for each in router.members if each.name == name]
                if there:
                    router.replaced(there[0], host, port)
                else:
                    router.members = [*router.members, Member(name, host, port)]
            case Drain(name, within_s):
                await self._relay.drain(router.member(name), within_s)
            case Look():
                pass
        return msgspec.json.encode(self._status(router.lost))

    def _status(self, lost: LostSessions) -> Status:
        router = self._relay.router
        members = tuple(
            MemberState(
                each.name,
                f"{each.host}:{each.port}",
                str(each.state),
                each.requests,
                each.in_flight,
                each.sessions,
            )
            for each in router.members
        )
        return Status(
            self._port,
            str(router.balance),
            members,
            lost.elsewhere,
            lost.replaced,
            lost.forgotten,
            self._relay.refused,
            self._relay.cut,
        )
