"""`ClassRef`: the module and name of a class or function. Pure: nothing is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry.errors import MalformedReferenceError

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


@dataclass(frozen=True, slots=True)
class ClassRef:
    """The module and name of a class or function; `str()` gives `"package.module:Name"`, which `parse_class_ref` reads.

    `name` is dotted for a method of a class, as in `ASRModel.from_pretrained`.
    """

    module: str
    name: str

    def __post_init__(self) -> None:
        for part in (self.module, self.name):
            if not _DOTTED.fullmatch(part):
                raise MalformedReferenceError(f"{part!r} is not a Python name; write package.module:Name")

    @property
    def package(self) -> str:
        """The top-level package, which must be installed to import the class."""
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def parse_class_ref(text: str) -> ClassRef:
    """The class reference in `text` ("package.module:Name").

    Raises:
        MalformedReferenceError: `text` does not have this form.
    """
    module, colon, name = text.partition(":")
    if not colon:
        raise MalformedReferenceError(f"{text!r} is not a class reference; write package.module:Name")
    return ClassRef(module, name)
