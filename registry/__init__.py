"""What is known about the ecosystem: the vocabulary, the rules and the tables that decisions are made by."""

from registry.decide import decide
from registry.decision import Candidate, Decision, Evidence
from registry.errors import ContradictionError, ExtensionError, RegistryError, UnknownNameError
from registry.facts import CommitFacts, CommitHash, FileState, HubHints, RepoFacts, SmallFile
from registry.registry import Registry, default_registry

__all__ = [
    "Candidate",
    "CommitFacts",
    "CommitHash",
    "ContradictionError",
    "Decision",
    "Evidence",
    "ExtensionError",
    "FileState",
    "HubHints",
    "Registry",
    "RegistryError",
    "RepoFacts",
    "SmallFile",
    "UnknownNameError",
    "decide",
    "default_registry",
]
