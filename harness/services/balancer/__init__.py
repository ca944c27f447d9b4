"""A small load balancer for a target that runs as several processes; it is a process of its own.

    load ---> balancer ---> target      by turns, or by session, address or connection (`routing`)
                       ---> target-2
                       ...  asked and told by the harness over a socket that nobody else has (`control`)

What it relays it does not change. A process is taken out of service by draining it: nothing new goes there, and what is
under way ends first. It counts which sessions were lost, and why.
"""
