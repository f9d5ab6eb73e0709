"""The vocabulary of the ecosystem and the rules: facts about a repo in, a decision out.

The public names are in `__init__.pyi`. Each is imported when it is first used, so that `import registry`
costs next to nothing.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
