"""verify.yaml: what is expected of one deployment, read strictly; the lock of its tools; and both of them learnt from one that is good."""
