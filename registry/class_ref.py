"""`ClassRef`: a class or function by the module that has it and its name. Pure: parsed and printed, never imported."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.errors import MalformedReferenceError

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class ClassRef:
    """Where to find a class or function: `str()` of it is `"package.module:Name"`, which `parse_class_ref` reads.

    `name` may be dotted where a class has the function, as `ASRModel.from_pretrained`.
    """

    module: str
    name: str

    def __post_init__(self) -> None:
        for part in (self.module, self.name):
            if not _DOTTED.fullmatch(part):
                raise MalformedReferenceError(f"{part!r} is no name of Python's; write package.module:Name")

    @property
    def package(self) -> str:
        """The top-level package, which must be installed for the class to be imported."""
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def parse_class_ref(text: str) -> ClassRef:
    """The reference that `text` ("package.module:Name") writes.

    Raises:
        MalformedReferenceError: `text` is not written so.
    """
    module, colon, name = text.partition(":")
    if not colon:
        raise MalformedReferenceError(f"{text!r} names no class; write package.module:Name")
    return ClassRef(module, name)
