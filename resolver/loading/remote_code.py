"""Finds the code that loading would run, as far as the facts of a commit show it. Pure.

Some libraries run code in a local folder without a question. Loading always reads from a local folder, so the check is
made here, before files are fetched; `check_names` repeats it on all small files, before a library sees them.
"""

from __future__ import annotations

from registry.decision import Decision
from registry.facts import CommitFacts
from registry.registry import Registry
from registry.rules.named_code.find import choose_naming_files, find_named_code
from registry.rules.named_code.findings import NamedCode, parse_class_path


def find_remote_code(decision: Decision, commit: CommitFacts, registry: Registry) -> NamedCode:
    """What the decision, and the small files in the facts, name. Files that are not in the facts count as empty."""
    library = decision.library or ""
    if library in ("transformers", "transformers_js") and decision.requires_remote_code:
        return NamedCode(code=(parse_class_path(decision.model_class or ""),))
    files = {name: commit.files[name] for name in choose_naming_files(library, commit.files)}
    found = find_named_code(library, files, commit.filenames, registry)
    return NamedCode(code=found.code, elsewhere=found.elsewhere)
