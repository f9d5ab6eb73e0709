"""`Limits`: the bounds and waits inside a resolver, as one frozen value. The defaults suit the public Hub."""

from __future__ import annotations

from dataclasses import dataclass, field

from resolver.cache.answer_cache import AnswerCacheLimits
from resolver.cache.write_behind import WriteBehindLimits
from resolver.concurrency.ordered_pool import PoolLimits
from resolver.hub.pacing.circuit_breaker import BreakerPolicy
from resolver.hub.retry import RetryPolicy
from resolver.loading.limits import LoadLimits
from resolver.lookup.author_listings import ListingLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """One field for each part; what users choose is in `Settings`."""

    pool: PoolLimits = field(default_factory=PoolLimits)
    answer_cache: AnswerCacheLimits = field(default_factory=AnswerCacheLimits)
    write_behind: WriteBehindLimits = field(default_factory=WriteBehindLimits)
    listings: ListingLimits = field(default_factory=ListingLimits)
    loading: LoadLimits = field(default_factory=LoadLimits)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


DEFAULT_LIMITS = Limits()
