"""Where a run may go: addresses are read (`address`), judged (`kind`, `judging`), looked up once (`vetting`), and then
connected to as they were vetted (`book`), whatever a name stands for by then.
"""
