"""Checks that `store` and `registry` are this distribution's own: other packages may have these names too."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def check_siblings() -> None:
    """Make sure that `store` and `registry` lie beside this package.

    Raises:
        ImportError: another package takes the name; the message names its file.
    """
    home = Path(__file__).resolve().parent.parent
    for name in ("store", "registry"):
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if origin != home / name / "__init__.py":
            raise ImportError(
                f"hubresolve needs its own package {name!r} beside {Path(__file__).parent}, but "
                f"{origin or 'nothing'} takes that name; remove or rename it, or change the order of sys.path"
            )
