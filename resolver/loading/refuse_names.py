"""Raises the error for what a repo's files name beside its weights. Pure."""

from __future__ import annotations

from registry.rules.named_code.findings import NamedCode
from resolver.errors import NotLoadableError, RemoteCodeError
from resolver.loading.options import LoadOptions
from resolver.resolution import Resolution


def raise_for_names(named: NamedCode, resolution: Resolution, options: LoadOptions) -> None:
    """Raise the error for what was found; none where it is harmless, or allowed by the caller."""
    place = f"{resolution.repo_id}@{resolution.commit_hash}" if resolution.commit_hash else resolution.repo_id
    if named.code and not options.trust_remote_code:
        raise RemoteCodeError(
            f"{place}: loading it runs the repo's own code ({', '.join(named.code)}); read that code at this commit, "
            "and pass trust_remote_code=True if you trust it",
            resolution=resolution,
        )
    if named.elsewhere:
        raise NotLoadableError(
            f"{place}: loading it would read other repos or paths: {', '.join(named.elsewhere)}. Only the repo itself, "
            "and the base model of an adapter, are fetched",
            resolution=resolution,
        )
    if named.unreadable and not options.trust_remote_code:
        raise NotLoadableError(
            f"{place}: these files cannot be read, so what they name is unknown: {', '.join(named.unreadable)}",
            resolution=resolution,
        )
