"""mcp-harness: load and chaos testing for MCP servers, with numbers you can trust.

Two halves meet only in the run directory.

    make a run     conduct        one run, from its first check to its last file
                   load           virtual users: Locust, its workers, and every connection
                   faults         what is done to the server and its links, proved and healed
                   services       processes that a run needs: Toxiproxy, PostgreSQL, the server itself, the janitor
                   client         a small MCP client, to look before loading
    read a run     analysis       calls and events to numbers, numbers to a verdict
                   report         one format a file: terminal, HTML, JSON, JUnit, ...
                   history        earlier runs, and two of them side by side
    shared         scenario       what the user asked for, and the plan that is made of it
                   run_directory  the files of a run
                   mcp            the protocol, without input or output
                   foundation     time, units, errors, secrets, untrusted text, addresses
    apart          reference      an MCP server of our own, to try things on
                   verify         checks of a deployment, as a pytest suite
                   doctor         what is installed, what answers, what was left behind
                   cli            the commands
"""

__version__ = "0.1.0"
