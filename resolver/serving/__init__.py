"""The HTTP service: answers of one resolver for callers that have no Python, and a page about what is known."""
