"""`ResolveRequest`: the repos that one run of `hubresolve resolve` is about."""

from __future__ import annotations

from dataclasses import dataclass

import click

from resolver.cli.input.ids import count_repos


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveRequest:
    """The ids of the arguments and of a file, or, with the other fields, a listing of the Hub."""

    ids: tuple[str, ...] = ()
    file: str | None = None
    retry_failed: str | None = None
    subfolder: str = ""
    all_repos: bool = False
    author: str | None = None
    search: str | None = None
    filters: tuple[str, ...] = ()
    limit: int | None = None
    since_s: float | None = None
    resume: bool = False
    sweep: bool = False

    def __post_init__(self) -> None:
        """Check that the options belong together.

        Raises:
            click.UsageError: they do not.
        """
        has_ids = bool(self.ids or self.file is not None or self.retry_failed is not None)
        if self.is_listing and (has_ids or self.subfolder):
            raise click.UsageError(
                "--all, --since, --author, --search, --filter and --limit choose the repos: give no ids, --file or "
                "--subfolder with them"
            )
        if self.all_repos and self._has_choice:
            raise click.UsageError("--all means all repos: give no --author, --search or --filter with it")
        if (self.resume or self.sweep) and not (self._has_choice or self.all_repos or self.since_s is not None):
            raise click.UsageError("--resume and --sweep are about a listing: give --all or --author with them")
        if self.sweep and (self.search or self.filters or self.limit or self.since_s is not None):
            raise click.UsageError(
                "--sweep needs a listing of all repos, or of all repos of an author: give no --search, --filter, "
                "--limit or --since with it"
            )
        if self.file is not None and self.retry_failed is not None:
            raise click.UsageError("give --file or --retry-failed, not both")
        if not self.is_listing and not has_ids:
            raise click.UsageError(
                "nothing to resolve: give ids or folders, --file, or --all, --author, --search or --filter"
            )

    @property
    def _has_choice(self) -> bool:
        return bool(self.author or self.search or self.filters)

    @property
    def is_listing(self) -> bool:
        """Whether the Hub lists the repos."""
        is_chosen = self._has_choice or self.limit or self.all_repos or self.since_s is not None
        return bool(is_chosen or self.resume or self.sweep)

    def count(self) -> int | None:
        """How many repos there are; None if that is not known before the run."""
        if self.is_listing:
            return None
        file = self.file or self.retry_failed
        counted = count_repos(file) if file is not None and self.retry_failed is None else None
        return len(self.ids) + counted if counted is not None else None if file is not None else len(self.ids)
