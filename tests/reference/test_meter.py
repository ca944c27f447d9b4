"""What stands between a connection's transport and asyncpg: it counts, and otherwise is not there."""

from types import SimpleNamespace

from harness.reference.meter import Meter


class Protocol:
    """What asyncpg's protocol is told."""

    def __init__(self):
        self.told = []

    def __getattr__(self, name):
        return lambda *args: self.told.append((name, *args))


class Transport:
    """As much of a transport as a meter touches."""

    def __init__(self, protocol):
        self.protocol, self.aborted = protocol, 0

    def get_protocol(self):
        return self.protocol

    def set_protocol(self, protocol):
        self.protocol = protocol

    def abort(self):
        self.aborted += 1


def metered():
    protocol = Protocol()
    transport = Transport(protocol)
    return Meter(SimpleNamespace(_transport=transport)), transport, protocol


def test_everything_is_handed_on():
    """Each thing that a transport can say, in its order; without a limit any amount of it."""
    meter, transport, protocol = metered()
    said = [("data_received", b"x" * 9000), ("pause_writing",), ("resume_writing",), ("eof_received",)]
    said += [("connection_lost", None)]
    for name, *args in said:
        getattr(meter, name)(*args)

    assert transport.protocol is meter
    assert protocol.told == said
    assert (meter.exceeded, transport.aborted) == (False, 0)


def test_beyond_the_limit_nothing_is_handed_on():
    """The last byte that is allowed arrives, the next one cuts the connection, and what follows is dropped."""
    meter, transport, protocol = metered()
    meter.allow(10)
    for data in (b"12345", b"67890", b"1", b"2"):
        meter.data_received(data)

    assert protocol.told == [("data_received", b"12345"), ("data_received", b"67890")]
    assert (meter.exceeded, transport.aborted) == (True, 2)


def test_each_result_has_the_whole_limit():
    """What was received before is forgotten, and with no limit nothing is counted."""
    meter, transport, _ = metered()
    for limit in (10, 10, 0):
        meter.allow(limit)
        meter.data_received(b"123456789")
    meter.data_received(b"x" * 100)

    assert transport.aborted == 0
