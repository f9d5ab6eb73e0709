"""Tells a program of requests, look-ups, waits and retries; adapters turn these into metrics."""
