# The public names, listed once: for type checkers, and at run time for lazy_loader.

# Facts: the input of a decision
from .facts import (
    CommitFacts as CommitFacts,
    HubHints as HubHints,
    RepoFacts as RepoFacts,
)

# Decisions: what follows from the facts, and why
from .decision import (
    Candidate as Candidate,
    Decision as Decision,
    Evidence as Evidence,
)
from .rules.decide import decide as decide

# Registries, and what can be added to them
from .defaults import (
    default_registry as default_registry,
    shipped_registry as shipped_registry,
)
from .extension import (
    ArchitectureRow as ArchitectureRow,
    Extension as Extension,
)
from .registry import Registry as Registry
from .table_rows import Library as Library

# Queries
from .class_ref import ClassRef as ClassRef
from .queries.find_class import find_class as find_class
from .queries.infer_model import (
    infer_framework as infer_framework,
    infer_library as infer_library,
    infer_task as infer_task,
)

# Errors
from .errors import (
    ContradictionError as ContradictionError,
    ExtensionError as ExtensionError,
    RegistryError as RegistryError,
    UnknownModelError as UnknownModelError,
    UnknownNameError as UnknownNameError,
)
