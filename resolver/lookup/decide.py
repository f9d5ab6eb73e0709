"""Decides on facts, with the registry's errors translated to those of one repo."""

from __future__ import annotations

import logging

from registry.decision import Decision
from registry.errors import ContradictionError
from registry.facts import RepoFacts
from registry.registry import Registry
from registry.rules.decide import decide
from resolver.errors import InternalError, TaskMismatchError
from resolver.redaction import describe_error, without_secrets

logger = logging.getLogger(__name__)


def decide_facts(facts: RepoFacts, registry: Registry, task: str | None, library: str | None) -> Decision:
    """The decision on `facts`, for the requested `task` and `library` (None: any).

    Raises:
        TaskMismatchError: the facts rule out what was requested.
        InternalError: a rule failed. That is one repo's failure, which must not end the work on the others.
    """
    try:
        return decide(facts, registry, task, library=library)
    except ContradictionError as error:
        raise TaskMismatchError(str(error)) from error
    except Exception as error:
        cause = without_secrets(error)
        # The beginning of the facts: they may be megabytes.
        logger.error("internal error while deciding on %.2000s", repr(facts), exc_info=cause)
        raise InternalError(f"internal error while deciding ({describe_error(error)})") from cause
