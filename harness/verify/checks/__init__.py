"""The checks that come with the harness: test_p1_* must hold for a deployment, test_p2_* is quality."""
