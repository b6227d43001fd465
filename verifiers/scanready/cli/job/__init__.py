"""Run one job, from its options to its exit code."""
