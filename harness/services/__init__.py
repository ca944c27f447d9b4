"""Real parts as processes of this machine: how they are started, found, ended, and cleaned up after.

processes     children in general: start, wait, ports, cores, temporary directories
cleanup       what ends and heals everything when the harness dies; standard library only
toxiproxy     the proxy server: find, install, start, talk to
backends      PostgreSQL, RabbitMQ, Redis
fault_sites   the places where faults act: links and processes
target        the server under test, when the harness starts it
"""
