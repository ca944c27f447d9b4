"""The examination behind `harness doctor`: what is installed, what answers, what is missing."""
