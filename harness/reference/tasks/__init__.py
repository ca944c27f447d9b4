"""Work that is asked for now and done later: the tasks, their queues and their workers."""
