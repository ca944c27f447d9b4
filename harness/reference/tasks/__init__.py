"""Work that is submitted now and done later: the tasks, their queues and their workers."""
