"""The master's orders about turns, carried out in a worker: who decides when users make their next call.

    opened     answered when every user has tried to open its session
    free       the users themselves, as they are ready
        together   users open their sessions and wait; `wait` answers when they all do; `go` lets them share a
        number of calls arrivals   this worker's share of a schedule, for a pool of users that grows; in the
        last step they end with the step

Each order is answered when it is carried out. When the load is over no call begins any more (`close`): users
that wait for a turn would otherwise make one more each before they are stopped. Arrivals that were not sent
are kept until they are written to the spool.
"""

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

import gevent
from msgspec import structs

from harness.foundation.units import NS_PER_S
from harness.load.engine import OPENING_S
from harness.load.inside.distributed import message_names
from harness.load.inside.users.context import Context
from harness.load.inside.users.turns import OVER, CountedTurns, OpenLoadTurns, TurnGauges, Turns
from harness.run_directory.spool import Gauges
from harness.scenario.plan.arrivals import share_ns, split
from harness.scenario.plan.plan import Arrivals

WAIT_S = 30.0
LOOK_S = 0.01


class TurnOrders:
    """A worker's copy of the master's orders about whose turn it is."""

    def __init__(self, environment: Any, runner: Any, context: Context) -> None:
        self._environment = environment
        self._runner = runner
        self._context = context
        self._not_sent: list[int] = []

    def on_turns(self, msg: Any, **_: Any) -> None:
        """Carry out an order, and answer it; Locust calls this."""
        order = dict(msg.data)
        number, kind = order.pop("number"), order.pop("kind")
        match kind:
            case "free":
                self.free()
            case "together":
                self.free()
                self._context.turns = CountedTurns(
                    lambda: int(self._runner.user_count), self._context.spec.epoch_ns
                )
            case "wait" if isinstance(self._context.turns, CountedTurns):
                self._context.turns.wait_for_all(self._context.spec.timeout_s + WAIT_S)
            case "go" if isinstance(self._context.turns, CountedTurns):
                self._context.turns.let_go(order.get("requests", 0), order["at_ns"])
            case "opened":
                self._until_opened()
            case "arrivals":
                self._arrive(**order)
        self._runner.send_message(message_names.TURNED, {"number": number, "users": self._runner.user_count})

    def _until_opened(self) -> None:
        """Wait until every user has opened its session, or could not."""
        with gevent.Timeout(OPENING_S, False):
            while self._context.opening:
                gevent.sleep(LOOK_S)

    def free(self) -> None:
        """Let users decide for themselves again; stop the users of a pool."""
        if isinstance(self._leave(None), OpenLoadTurns):
            self._runner.stop_users(self._runner.user_classes_count)

    def close(self) -> None:
        """End the load: no call begins any more."""
        self._leave(OVER)

    def _leave(self, following: Turns | None) -> Turns | None:
        """Change to another kind of turns; return the one before."""
        turns, self._context.turns = self._context.turns, following
        if turns is not None:
            turns.end()
            self._not_sent += turns.gauges(0).not_sent
        return turns

    def gauges(self, gauges: Gauges) -> Gauges:
        """Return the gauges for the spool, with those of turns; unsent arrivals are returned once."""
        turns = self._context.turns
        of_turns = turns.gauges(gauges.at_ns) if turns is not None else TurnGauges()
        kept, self._not_sent = self._not_sent, []
        waiting_ns = of_turns.oldest_waiting_ns
        return structs.replace(
            gauges,
            left=of_turns.left,
            arrived=of_turns.arrived,
            overdue=of_turns.overdue,
            not_sent=[*kept, *of_turns.not_sent],
            oldest_open_ns=gauges.oldest_open_ns if waiting_ns is None else waiting_ns,
        )

    def _arrive(
        self,
        *,
        arrivals: Mapping[str, Any],
        step: int,
        hold_s: float,
        last: bool,
        starts_ns: int,
        share: int,
        shares: int,
    ) -> None:
        spec = self._context.spec
        asked = Arrivals(**arrivals)
        turns = self._context.turns
        if not isinstance(turns, OpenLoadTurns) or turns.session_calls != (asked.calls or 0):
            self.free()
            weights = {one.__name__: one.weight for one in self._runner.user_classes}
            turns = self._context.turns = OpenLoadTurns(weights, self._grow, asked.calls or 0, spec.epoch_ns)
        ends_ns = starts_ns + int(hold_s * NS_PER_S)
        schedule = (starts_ns + offset for offset in share_ns(asked, f"{spec.seed}:{step}", share, shares))
        turns.begin(
            takewhile(lambda at_ns: at_ns < ends_ns, schedule) if last else schedule,
            max_sessions=split(asked.max_users, share, shares),
            queue_max=split(asked.queue, share, shares),
            ends_ns=ends_ns,
        )

    def _grow(self, name: str) -> None:
        """Start one more user, without the counting that Locust does for its log."""
        user = self._runner.user_classes_by_name[name](self._environment)
        user.start(self._runner.user_greenlets)
