"""A long run, watched from outside: does anything of it grow? `make soak` (`__main__`)."""
