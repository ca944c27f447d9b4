"""docs/faults.md as it has to be: made of the catalogue and of what the modules of faults say of themselves."""

import ast
from pathlib import Path

from harness.faults import kinds
from harness.scenario.catalogue import FAULTS, LINKS, FaultKind, Parameter

HEAD = """# Faults

What can be done to a server under load, and where. Each fault is proved before it counts: canary calls of the harness
through the place and beside it have to differ as the fault says (or the process table does), else the verdict is
unknown; so it is when no call of the load was touched. Each is healed on every exit, and that is proved too.

On the command line of every load command: `--fault latency:at=30s,for=10s,latency=200ms`, or
`--fault restart:name=deploy,at=30s`. In a scenario the same is
`{name: slow, fault: latency, at: steady+30s, for: 10s, latency: 200ms}` ([scenarios](scenarios.md)).
Two faults in one place at the same time are refused, since nobody could tell what each of them did.

A process that ends without a fault of the plan is no fault. It is noticed at once and named with when, how (`killed by signal 9`,
`exit code 1`) and its last words, as the event `part_lost`. A server that `target.command` has started fails the run: that it ended
is a finding about it, and the load goes on. A part of the harness's own makes the run unknown, and ends it. The janitor,
which only cleans up, is replaced; if it cannot be, no further fault is applied. A Toxiproxy of the harness's own takes its faults with it.

## How a fault on a link is proved

Three things, all of them on the link that the load itself uses:

- **Read back.** Toxiproxy is asked what is on the link: when the fault was applied, after it was verified, and when its time
  was over. A toxic that is gone, or is another, is not verified, whatever else was seen.
- **Canaries.** One small exchange of the harness's own goes through the link, and at the same time one beside it. Through an
  HTTP link the kernel is asked when bytes left and came on both sides of Toxiproxy: `held` is what the link held them back,
  and the time that the server took is not in it, however long its queue is. Where the kernel cannot tell (a Toxiproxy on
  another machine or in another network namespace; PostgreSQL, RabbitMQ, Redis), the differences of pairs are compared, with
  an interval: as many pairs as that needs, 25 at the most.
- **Knocks**, on HTTP links: a connection that says a few bytes and its end. Toxiproxy hands both on, and ends the connection,
  and the server has no part in it. They prove what acts on what goes upstream, `reset_peer` and `slow_close`
  however busy the server is.

Canaries take the time of the fault, but at least 5 and at most 20 seconds. What is allowed between what was asked for and
what was seen is a tenth, or 25 ms, and the jitter that was asked for.

What comes of it is one of three:

- **verified**: all of that agrees.
- **could not be verified**: it does not, or nobody can tell, and then the reason says what was in the way ("the server did not
  answer a canary within 10.0 s", "the server's own answers vary by 180 ms"). The verdict is unknown.
- **did not happen**: before the fault, the link was certainly not as if nothing were on it: a toxic was, connections
  were refused or cut, canaries were slower by more than 25 ms. A server that is too busy to answer within 3 s is no reason.

Healing is proved by the same: nothing is on the link (read back), knocks get through at once, and canaries are as fast as
beside it. **Not healed** is what is certain only: a toxic that still reads back, a Toxiproxy that does not answer, connections
that are refused or cut, canaries that were held. When the server answers no canary in ten seconds, what was read back and the
knocks count, and the run says so beside it. A target that refuses connections beside the link, too, is not a fault left over:
its recovery tells of it.

What is not proved: that each connection of the load felt the fault. Toxiproxy's toxics are on the link, and so on all of its
connections; which calls were on their way is counted as *exposed*.

Canaries are requests for `/health`, three to six for a fault on an idle server, fewer on one that is slow. They cost the
server what such requests cost it, and are not in the numbers of the run.

## Places

"""
FOOT = """
## How to add one

1. A file in `harness/faults/`: something with `undo`, `apply`, `verify`, `heal` (`fault.py` is the interface;
   `Toxics` is most of a fault that is toxics on a link). It opens with what the fault is, and with what it does not do.
2. Its line in `REGISTRY` (`harness/faults/__init__.py`) and its entry in `FAULTS` (`harness/scenario/catalogue.py`): the
   parameters, where it can happen, and whether only new connections feel it.
3. A row in `tests/integration/test_faults.py`, on the real thing: verified where it is, not verified where it is not.
4. `pytest tests/test_docs.py --update-golden` writes this page anew.
"""


def page() -> str:
    """The whole page."""
    places = [f"- `{name}`: {place.meaning}" for name, place in LINKS.items()]
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
