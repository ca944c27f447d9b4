"""The custom messages that the master and the workers of a run exchange on Locust's own channel.

    worker on another machine                       master
    JOIN {version, host}            ----->
                                    <-----          SPEC {spec, worker} or REFUSED {why}
    CLOCK {sent_ns}                 ----->
                                    <-----          CLOCK {sent_ns, told_ns}            (often; again after the run)
    REFUSED {why} or READY          ----->          all are ready: users may be spawned, by Locust's own messages
    SPOOL {offset, data}            ----->
                                    <-----          SPOOLED {offset}
                                    <-----          AUTHORIZE {headers}             (whenever there is a new token)
                                    <-----          STOP {drain_s, cancelled}
    LEAVING {offset_ms, error_ms}   ----->          and Locust's own `quit`

A worker on the master's machine needs READY, UNWRITTEN, AUTHORIZE and STOP only. A worker gets no users before READY
(`roster`); without the run's token it cannot send any message (`sealing`).
"""

from typing import Final

JOIN: Final = "harness_join"
SPEC: Final = "harness_spec"
REFUSED: Final = "harness_refused"
CLOCK: Final = "harness_clock"
READY: Final = "harness_ready"  # {worker, host}: it can run users
SPOOL: Final = "harness_spool"
SPOOLED: Final = "harness_spooled"
UNWRITTEN: Final = "harness_unwritten"  # {why}: its rows cannot be written down
AUTHORIZE: Final = "harness_authorize"
STOP: Final = "harness_stop"
LEAVING: Final = "harness_leaving"
TURNS: Final = "harness_turns"  # master: {number, kind, ...}: who decides when a user calls (see `steering`)
TURNED: Final = "harness_turned"  # worker: {number, users}: it is so; the users that it has now
