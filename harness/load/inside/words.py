"""The custom messages that the master and the workers of a run exchange on Locust's own channel."""

from typing import Final

READY: Final = "harness_ready"  # worker: {worker, host}: it can run users
STOP: Final = "harness_stop"  # master: {drain_s, cancelled}
UNWRITTEN: Final = "harness_unwritten"  # worker: {why}: its rows cannot be written down
TURNS: Final = "harness_turns"  # master: {number, kind, ...}: who decides when a user calls (see `steering`)
TURNED: Final = "harness_turned"  # worker: {number, users}: it is so; the users that it has now
