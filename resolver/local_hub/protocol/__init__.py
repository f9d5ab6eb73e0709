"""Speaks the Hub's protocol: routes, access, payloads, listings and quotas. Pure."""
