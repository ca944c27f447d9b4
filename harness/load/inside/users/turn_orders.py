"""A worker's end of the master's orders about turns: who decides when its users make their next call.

    free       the users themselves, as they are ready
    together   users open their sessions and wait; `wait` answers when they all do; `go` lets them share so many calls
    arrivals   this worker's share of a schedule, for a pool of users that grows; the last of a run end with their step

Each is answered when it is so. When the load is over nobody begins a call any more (`close`): users who wait for a turn
would otherwise make one more each before they are stopped. What open load has left unsent is kept until the spool has been told.
"""

from itertools import takewhile
from typing import Any

from harness.foundation.units import NS_PER_S
from harness.load.inside.distributed import message_names
from harness.load.inside.users.context import Context
from harness.load.inside.users.turns import OVER, CountedTurns, OpenLoadTurns, Turns
from harness.scenario.plan.arrivals import share_ns, split
from harness.scenario.plan.plan import Arrivals

WAIT_S = 30.0


class TurnOrders:
    """Of one worker process."""

    def __init__(self, environment: Any, runner: Any, context: Context) -> None:
        self._environment = environment
        self._runner = runner
        self._context = context
        self._not_sent: list[int] = []

    def on_turns(self, msg: Any, **_: Any) -> None:
        """Locust's listener."""
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
            case "arrivals":
                self._arrive(**order)
        self._runner.send_message(message_names.TURNED, {"number": number, "users": self._runner.user_count})

    def free(self) -> None:
        """Users decide for themselves again; those of a pool have nothing more to do."""
        if isinstance(self._leave(None), OpenLoadTurns):
            self._runner.stop_users(self._runner.user_classes_count)

    def close(self) -> None:
        """The load is over: no call begins any more."""
        self._leave(OVER)

    def _leave(self, following: Turns | None) -> Turns | None:
        """From one way of taking turns to the next."""
        turns, self._context.turns = self._context.turns, following
        if turns is not None:
            turns.end()
            self._not_sent += turns.gauges(0).get("not_sent", [])
        return turns

    def gauges(self, now_ns: int) -> dict[str, Any]:
        """What the spool is told of turns, once."""
        turns = self._context.turns
        gauges = turns.gauges(now_ns) if turns is not None else {}
        kept, self._not_sent = self._not_sent, []
        return gauges | {"not_sent": [*kept, *gauges.get("not_sent", [])]}

    def _arrive(
        self,
        *,
        arrivals: dict[str, Any],
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
        """One more user, without the counting that Locust does for its log."""
        user = self._runner.user_classes_by_name[name](self._environment)
        user.start(self._runner.user_greenlets)
