"""What is there, what answers, what is missing: the examination behind `harness doctor`."""
