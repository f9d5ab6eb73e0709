"""Resolves Hugging Face Hub repos: commit, library, task, framework, architecture and model class, with reasons.

The public names are in `__init__.pyi`. Each is imported when it is first used, so that `import resolver` loads neither
the database nor the HTTP library.
"""

from __future__ import annotations

import lazy_loader

from resolver.siblings import check_siblings

check_siblings()
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
