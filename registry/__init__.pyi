# The public names, listed once: for type checkers, and at run time for lazy_loader.

# Facts: what was observed about a repo
from .class_ref import ClassRef as ClassRef
from .decision import (
    Candidate as Candidate,
    Decision as Decision,
    Evidence as Evidence,
)

# Registries, and what can be added to them
from .defaults import (
    default_registry as default_registry,
    shipped_registry as shipped_registry,
)

# Errors
from .errors import (
    ContradictionError as ContradictionError,
    ExtensionError as ExtensionError,
    RegistryError as RegistryError,
    UnknownModelError as UnknownModelError,
    UnknownNameError as UnknownNameError,
)
from .extension import (
    ArchitectureRow as ArchitectureRow,
    Extension as Extension,
)
from .facts import (
    CommitFacts as CommitFacts,
    HubHints as HubHints,
    RepoFacts as RepoFacts,
)

# Queries
from .queries.find_class import find_class as find_class
from .queries.infer_model import (
    framework_of_model as framework_of_model,
    library_of_model as library_of_model,
    task_of_model as task_of_model,
)
from .registry import Registry as Registry

# Decision: what follows from them, and why
from .rules.decide import decide as decide
from .table_rows import Library as Library
