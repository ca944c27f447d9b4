"""Reading a run: columns of calls and events become numbers, and numbers become a verdict. Pure: no file is opened here.

calls        counts, latencies and throughput of calls
levels       steps of load: breaking point, capacity, knee
faults       what each fault did, and how the service recovered
objectives   whether an objective is held, missed, or cannot be decided
health       whether the load generator and the run itself can be trusted
statistics   intervals, chance, correlation, rounding
summary      puts everything into one result; `verdict` judges it
"""
