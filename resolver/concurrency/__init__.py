"""Asyncio tools that know nothing of repos: single flight, batcher, prefetch, ordered pool."""
