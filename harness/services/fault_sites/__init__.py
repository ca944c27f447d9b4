"""Where faults act: links that lead through proxies, and processes that can be killed, stopped or replaced."""
