"""docs/faults.md as it has to be: made of the catalogue and of what the modules of faults say of themselves."""

import ast
from pathlib import Path

from harness.faults import kinds
from harness.scenario.catalogue import FAULTS, LINKS, FaultKind, Parameter

HEAD = """# Faults

This page lists what can be done to a server while load is running, and where. A fault counts only when it is proved: the harness
sends canaries, small timed requests of its own, through the disturbed place and around it, and both have to differ as the
fault says (for faults on processes, the process table has to). Without that proof the verdict is unknown, and so it is when
the fault touched no call of the load. A fault is undone however the run ends (it is *healed*), and that is proved too.

On the command line of every load command: `--fault latency:at=30s,for=10s,latency=200ms`, or
`--fault restart:name=deploy,at=30s`. In a scenario the same is
`{name: slow, fault: latency, at: steady+30s, for: 10s, latency: 200ms}` ([scenarios](scenarios.md)).
Two faults in one place at the same time are refused, since their effects could not be told apart.

A process may also end although no fault was planned. That is noticed at once and recorded as the event `part_lost`: when, how
(`killed by signal 9`, `exit code 1`) and the last line that it wrote. If it is a server that `target.command` started, the run fails,
because the crash is a finding about that server, and the load goes on. If it is a process of the harness itself, the run ends and is unknown. The janitor
(the process that cleans up when the harness is killed) is replaced; if that fails, no further fault is applied. If the harness's own
Toxiproxy ends, its faults end with it.

## How a fault on a link is proved

By three checks, all of them on the link that the load itself uses:

- **Read back.** Toxiproxy is asked which toxics are on the link: when the fault was applied, after it was verified, and when it
  is due to end. A fault whose toxic is missing or different is not verified, whatever the other checks say.
- **Canaries.** One small request of the harness goes through the link, and at the same time one goes to the server directly. On an
  HTTP link the kernel says when bytes left and arrived on both sides of Toxiproxy. So the delay of the link (`held`) is
  measured without the time that the server took, however long its queue is. Where the kernel cannot tell (a Toxiproxy on
  another machine or in another network namespace; PostgreSQL, RabbitMQ, Redis), pairs of canaries are compared, with
  a confidence interval: as many pairs as that needs, 25 at most.
- **Knocks**, on HTTP links: a connection that sends a few bytes and closes. Toxiproxy passes both on and ends the connection
  without the server. So knocks prove faults on upstream data, `reset_peer` and `slow_close`, even if the server is busy.

Canaries are sent for the time of the fault, but for at least 5 and at most 20 seconds. The measured effect may differ from the
requested one by a tenth, or 25 ms, plus the jitter that was requested.

The result is one of three:

- **verified**: all checks agree.
- **could not be verified**: they disagree, or could not decide; the reason says why ("the server did not
  answer a canary within 10.0 s", "the server's own answers vary by 180 ms"). The verdict is unknown.
- **did not happen**: the link was already disturbed before the fault was applied: it had a toxic, connections
  were refused or cut, or canaries were slower by more than 25 ms. A server too busy to answer within 3 s does not count as disturbed.

Healing is proved by the same checks: no toxic is on the link, knocks get through at once, and canaries are as fast as
those sent directly. A fault is called **not healed** only if that is certain: a toxic is still there, Toxiproxy does not answer, connections
are refused or cut, or canaries are delayed. If the server answers no canary in ten seconds, the other two checks decide, and the run
says so. A server that refuses direct connections, too, does not mean that the fault is still there: this shows in its recovery.

Not proved is that each connection of the load felt the fault. A toxic acts on the link, and so on all of its
connections; the calls that were under way at the time are counted as *exposed*.

Canaries are requests for `/health`: three to six for a fault on an idle server, fewer on a slow one. They put that little
load on the server, and are not counted in the numbers of the run.

## Places

"""
FOOT = """
## How to add one

1. A file in `harness/faults/kinds/` with `undo`, `apply`, `verify` and `heal` (`fault.py` there is the interface;
   its `Toxics` does most of the work for toxics on a link). Its docstring says what the fault does, and what it does not do.
2. Its line in `REGISTRY` (`harness/faults/kinds/__init__.py`) and its entry in `FAULTS` (`harness/scenario/catalogue.py`): the
   parameters, where it can happen, and whether only new connections feel it.
3. A row in `tests/integration/test_faults.py`, on the real thing: verified where it is, not verified where it is not.
4. `pytest tests/test_docs.py --update-golden` writes this page anew.
"""


def page() -> str:
    """The whole page."""
    places = [f"- `{name}`: {place.meaning}" for name, place in LINKS.items()]
    places.append(
        "- [links of your own](links.md), by the names that a scenario gives them: every fault on a link can act there"
    )
    return HEAD + "\n".join(places) + "\n\n" + "\n".join(map(_section, FAULTS)) + FOOT


def _section(name: str) -> str:
    kind = FAULTS[name]
    lines = [f"## {name}", "", f"{kind.meaning[0].upper()}{kind.meaning[1:]}. {_where(kind)}", ""]
    if kind.parameters:
        lines += ["| parameter | | default |", "|---|---|---|"]
        lines += [f"| `{key}` | {_meaning(one)} | {_default(one)} |" for key, one in kind.parameters.items()]
        lines += [""]
    return "\n".join([*lines, _about(name), ""])


def _where(kind: FaultKind) -> str:
    *others, last = (f"`{link}`" for link in kind.links)
    where = f"{', '.join(others)} or {last}" if others else last
    where += ", or a process of this machine: `pid=1234`" if kind.pids else ""
    return f"On {where}." + (" It ends by itself: `for` may be left out." if kind.momentary else "")


def _meaning(one: Parameter) -> str:
    return f"{one.meaning} ({', '.join(one.choices)})" if one.choices else one.meaning


def _default(one: Parameter) -> str:
    return "must be given" if one.default is None else one.default


def _about(name: str) -> str:
    """The module's own words."""
    source = (Path(kinds.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or ""
