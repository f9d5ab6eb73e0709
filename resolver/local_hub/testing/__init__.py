"""Builds faults on demand and synthetic repos, for tests and benchmarks."""
