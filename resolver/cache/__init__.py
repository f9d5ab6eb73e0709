"""Keeps answers and records in this process: freshness, the answer cache, the write-behind buffer."""
