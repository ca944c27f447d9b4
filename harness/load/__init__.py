"""The load: engines that run users and leave samples in the run directory."""
