"""Builds the Hub's responses to parsed requests: routes, access, payloads, listings and quotas. Pure."""
