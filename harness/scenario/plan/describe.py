"""A plan as text: the timeline that `harness plan` prints."""

from harness.foundation.units import show_duration, show_percent
from harness.scenario.catalogue import CLIENTS, told, where
from harness.scenario.inapplicable import rows_and_why
from harness.scenario.plan import disk_estimate
from harness.scenario.plan.plan import Arrivals, FaultStep, LoadStep, Plan
from harness.scenario.plan.warnings import warnings

BAR_WIDTH = 24


def describe(plan: Plan) -> str:
    """The whole timeline, one line per step."""
    steps = [*([plan.warm_up] if plan.warm_up else []), *plan.steps]
    most_users, most_per_s = plan.max_users, plan.max_rate_per_s
    timed = [(step.starts_s, _row(step, most_users, most_per_s)) for step in steps]
    timed += [(fault.starts_s, _fault_row(fault)) for fault in plan.faults]
    rows = [row for _, row in sorted(timed, key=lambda pair: pair[0])]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{plan.scenario}: {_counted(len(plan.steps))}, {show_duration(plan.duration_s)}, seed {plan.seed}",
        "",
        *(f"  {a:>{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in rows),
    ]
    stops = [f"Stops early when {rule.text}." for rule in plan.abort]
    for text in (
        _breaks(plan),
        _searches(plan),
        *stops,
        _pools(plan),
        _pauses(plan),
        f"Beside the load {plan.work}." if plan.work else "",
        _retries(plan),
        _clients(plan),
        _connections(plan),
        disk_estimate.sentence(plan),
        *(f"Not applicable: {rows_and_why(rows, why)}." for why, rows in plan.not_applicable.items()),
        *(f"Warning: {text}." for text in warnings(plan)),
    ):
        lines += ["", text] if text else []
    return "\n".join(lines)


def _counted(steps: int) -> str:
    return f"{steps} step" + ("s" if steps > 1 else "")


def _row(step: LoadStep, most_users: int, most_per_s: float) -> tuple[str, str, str, str]:
    size = step.users if step.arrivals is None else step.arrivals.rate_per_s
    most = most_users if step.arrivals is None else most_per_s
    bar = "" if isinstance(size, str) or size is None else "#" * max(1, round(size / most * BAR_WIDTH))
    held = f"{step.requests:,} calls" if step.requests else show_duration(step.hold_s)
    name = "warm-up" if step.kind == "warm-up" else step.phase
    return show_duration(step.starts_s), f"{name} for {held}", show_size(step.users, step.arrivals), bar


def show_size(users: int | str | None, arrivals: Arrivals | None) -> str:
    """The size of a load as text: 50 users, 500/s, 5 sessions/s, last_good."""
    if arrivals is not None:
        return f"{arrivals.rate_per_s:,.6g}{' sessions' if arrivals.calls else ''}/s"
    return users if isinstance(users, str) else f"{users} users"


def _breaks(plan: Plan) -> str:
    broken = {step.break_below for step in plan.steps if step.break_below is not None}
    if not broken:
        return ""
    marked = sorted({text for step in plan.steps for text in step.break_unless})
    also = f", or that fails {' or '.join(marked)}" if marked else ""
    return f"A ramp ends at the first level below {show_percent(max(broken))} success{also}."


def _searches(plan: Plan) -> str:
    """Say what a search looks for; its levels are decided on the way."""
    return "\n".join(
        f"{step.phase} looks for the largest load at which {' and '.join(step.search.objectives)} hold"
        f"{'s' if len(step.search.objectives) == 1 else ''}, up to {show_size(step.users, step.arrivals)}."
        for step in plan.steps
        if step.search is not None
    )


def _pauses(plan: Plan) -> str:
    if plan.clients or plan.thinks is None or not plan.max_users:
        return ""
    if plan.thinks:
        return "Users pause between calls (--no-think: they do not)."
    return "Users call again as soon as they have an answer (--think: they pause)."


def _pools(plan: Plan) -> str:
    """Explain an open load: how calls arrive, and what happens when no session is free."""
    sentences = {
        f"Arrivals are {'at random (Poisson)' if one.kind == 'poisson' else 'evenly spaced'}, for up to "
        f"{one.max_users:,} sessions; {one.queue:,} may wait for a free one, further arrivals are not sent."
        for one in (step.arrivals for step in plan.steps)
        if one is not None
    }
    return "\n".join(sorted(sentences))


def _clients(plan: Plan) -> str:
    """Say what each preset of clients imitates."""
    return "\n".join(f"Clients {name}: {CLIENTS[name].imitates}." for name in plan.clients)


def _retries(plan: Plan) -> str:
    policy = plan.retries
    if policy is None:
        return ""
    waits = f"{show_duration(policy.backoff_s_first)} to {show_duration(policy.backoff_s_most)}"
    budget = (
        "without a budget"
        if policy.budget is None
        else f"as a budget of {show_percent(policy.budget)} allows"
    )
    return (
        f"A call that failed is tried {policy.attempts} times in all, after waits of up to {waits}, {budget}."
    )


def _connections(plan: Plan) -> str:
    many = plan.calls_per_connection
    if many is None:
        return ""
    return f"An HTTP connection is closed after {many:,} {'call' if many == 1 else 'calls'}, and the next call opens another."


def _fault_row(fault: FaultStep) -> tuple[str, str, str, str]:
    parameters = told(
        fault.kind, {name: value for name, value in fault.parameters.items() if value not in {0, ""}}
    )
    named = any(text.split(" ", 1)[0] == fault.kind for text in parameters)  # latency 200ms
    doing = ", ".join(parameters if named else [fault.kind, *parameters])
    return (
        f"{show_duration(fault.starts_s)}",
        f"! {fault.name}" + (f" for {show_duration(fault.for_s)}" if fault.for_s else ""),
        where(fault.link).removeprefix("the "),
        doing,
    )


def one_line(plan: Plan) -> str:
    """The plan in one sentence, for the head of a run."""
    users = f", up to {plan.max_users} users" if plan.max_users else ""
    rate = f", up to {plan.max_rate_per_s:,.6g}/s" if plan.max_rate_per_s else ""
    about = f", about {show_duration(plan.duration_s)}" if plan.duration_s else ""
    return f"{plan.scenario}: {_counted(len(plan.steps))}{users}{rate}{about}"
