"""Ask, decide, remember: what each Hugging Face Hub repo is for and what loads it.

The public names are imported when they are first used: `import resolver` itself loads neither the database nor the HTTP
library.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resolver.errors import ResolveError
    from resolver.loading.errors import LibraryNotInstalledError, ModelLoadError
    from resolver.loading.loaded import Loaded
    from resolver.resolution import Failure, Resolution, Source
    from resolver.resolver import Resolver
    from resolver.settings import Settings
    from resolver.sync import resolve

__all__ = [
    "Failure",
    "LibraryNotInstalledError",
    "Loaded",
    "ModelLoadError",
    "Resolution",
    "ResolveError",
    "Resolver",
    "Settings",
    "Source",
    "resolve",
]

_HOMES = {
    "Failure": "resolver.resolution",
    "LibraryNotInstalledError": "resolver.loading.errors",
    "Loaded": "resolver.loading.loaded",
    "ModelLoadError": "resolver.loading.errors",
    "Resolution": "resolver.resolution",
    "ResolveError": "resolver.errors",
    "Resolver": "resolver.resolver",
    "Settings": "resolver.settings",
    "Source": "resolver.resolution",
    "resolve": "resolver.sync",
}


def _check_siblings() -> None:
    """Make sure that `store` and `registry` are this distribution's: other packages may be called so too."""
    home = Path(__file__).resolve().parent.parent
    for name in ("store", "registry"):
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if origin != home / name / "__init__.py":
            raise ImportError(
                f"hubresolve needs its own package {name!r} beside {Path(__file__).parent}, but "
                f"{origin or 'nothing'} takes that name; remove or rename it, or change the order of sys.path"
            )


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


_check_siblings()
