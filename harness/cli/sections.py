"""The help of a load command, in sections: its own options first, then those that all share.

An option that no section names is the command's own.
"""

import click

# title -> parameters, in the order in which they are declared
SECTIONS: dict[str, frozenset[str]] = {
    "The server": frozenset(
        {
            "url",
            "stdio_command",
            "users_per_process",
            "target_options",
            "processes",
            "balance",
            "protocol",
            "headers",
            "auth",
            "cacert",
            "cert",
            "key",
            "insecure",
            "unix_socket",
            "wait",
            "allowed_hosts",
        }
    ),
    "The calls": frozenset(
        {
            "mix",
            "clients",
            "call",
            "args",
            "all_tools",
            "all_of_it",
            "allow_writes",
            "think",
            "expect_failures",
            "timeout",
            "warm_up",
            "retries",
            "calls_per_connection",
            "seed",
        }
    ),
    "Faults": frozenset({"faults"}),
    "Objectives": frozenset({"objectives", "abort"}),
    "During the run": frozenset({"alert", "prometheus", "web"}),
    "Workers": frozenset({"workers", "expect_workers", "bind"}),
    "Results and help": frozenset({"out", "as_json", "history", "debug", "_click_default_help"}),
}
_SHARED = frozenset().union(*SECTIONS.values())


class Sectioned(click.Command):
    """A command whose help is in SECTIONS."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write every option once, in its section."""
        params = self.get_params(ctx)
        own = frozenset(param.name or "" for param in params) - _SHARED
        for title, names in {"Options": own, **SECTIONS}.items():
            records = [param.get_help_record(ctx) for param in params if param.name in names]
            if lines := [record for record in records if record]:
                with formatter.section(title):
                    formatter.write_dl([(flags.replace("INTEGER RANGE", "N"), text) for flags, text in lines])
