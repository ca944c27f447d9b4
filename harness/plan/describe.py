"""A plan as text: the timeline that `harness plan` prints."""

from harness.catalogue import told, where
from harness.plan.plan import FaultStep, LoadStep, Plan
from harness.units import show_duration, show_percent

BAR_WIDTH = 24


def describe(plan: Plan) -> str:
    """The whole timeline, a line a step."""
    timed = [(step.starts_s, _row(step, plan.max_users)) for step in plan.steps]
    timed += [(fault.starts_s, _fault_row(fault)) for fault in plan.faults]
    rows = [row for _, row in sorted(timed, key=lambda pair: pair[0])]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{plan.scenario}: {len(plan.steps)} steps, {show_duration(plan.duration_s)}, seed {plan.seed}",
        "",
        *(f"  {a:>{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d}".rstrip() for a, b, c, d in rows),
    ]
    broken = {step.break_below for step in plan.steps if step.break_below is not None}
    if broken:
        lines += ["", f"A ramp ends at the first level below {show_percent(max(broken))} success."]
    return "\n".join(lines)


def _row(step: LoadStep, most: int) -> tuple[str, str, str, str]:
    users = step.users if isinstance(step.users, str) else f"{step.users} users"
    bar = "" if isinstance(step.users, str) else "#" * max(1, round(step.users / most * BAR_WIDTH))
    held = f"{step.requests_per_user} calls each" if step.requests_per_user else show_duration(step.hold_s)
    return f"{show_duration(step.starts_s)}", f"{step.phase} for {held}", users, bar


def _fault_row(fault: FaultStep) -> tuple[str, str, str, str]:
    said = told(fault.kind, fault.parameters)
    doing = ", ".join([fault.kind, *said]) if said else fault.kind
    return (
        f"{show_duration(fault.starts_s)}",
        f"! {fault.name}" + (f" for {show_duration(fault.for_s)}" if fault.for_s else ""),
        where(fault.link).removeprefix("the "),
        doing,
    )


def one_line(plan: Plan) -> str:
    """A plan in a sentence, for the head of a run."""
    count = f"{len(plan.steps)} step" + ("s" if len(plan.steps) > 1 else "")
    users = f", up to {plan.max_users} users" if plan.max_users else ""
    return f"{plan.scenario}: {count}{users}, about {show_duration(plan.duration_s)}"
