"""`ConfigConstructor`: builds a model's export configuration; imports its class when it is first called."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from registry.class_ref import ClassRef
from registry.errors import UnknownNameError, UnsupportedTaskError
from registry.import_class import import_class
from registry.tables.tasks import WITH_PAST

ExportConfigConstructor = functools.partial[Any]
"""A callable that takes a model's config and returns its export configuration: ours below, or any other partial."""


class ConfigConstructor(ExportConfigConstructor):
    """A `functools.partial` of a configuration's class with the task, which may be given by name.

    A class that is given by name is imported when `func` is first read or the constructor is first called.
    """

    target: ClassRef | type

    def __new__(cls, target: ClassRef | type, keywords: Mapping[str, Any] | None = None) -> ConfigConstructor:
        # `func` below replaces the function that is passed here.
        constructor = super().__new__(cls, _raise_not_imported, **(keywords or {}))
        constructor.target = target
        return constructor

    @property
    def func(self) -> type:
        """The configuration's class.

        Raises:
            ImportError: its module cannot be imported, or has no such class.
        """
        if isinstance(self.target, type):
            return self.target
        try:
            found = import_class(self.target)
        except UnknownNameError as error:
            raise ImportError(f"{self.target.module} has no {self.target.name}") from error
        if not isinstance(found, type):
            raise ImportError(f"{self.target} is not a class")
        return found

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        config_class = self.func
        if self.keywords.get("use_past"):
            check_supports_past(config_class)
        return config_class(*args, **{**self.keywords, **keywords})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfigConstructor) and (self.target, self.keywords) == (other.target, other.keywords)

    def __hash__(self) -> int:
        return hash(self.target)

    def __repr__(self) -> str:
        return f"ConfigConstructor({self.target}, {self.keywords})"

    def __reduce__(self) -> tuple[Any, ...]:
        return ConfigConstructor, (self.target, self.keywords)


def _raise_not_imported(*_: object, **__: object) -> None:
    raise NotImplementedError("a ConfigConstructor calls its `func`")


def get_class_name(constructor: ExportConfigConstructor) -> str:
    """The name of the configuration's class, which is not imported."""
    if isinstance(constructor, ConfigConstructor) and isinstance(constructor.target, ClassRef):
        return constructor.target.name
    return getattr(constructor.func, "__name__", repr(constructor.func))


def bind_keywords(constructor: ExportConfigConstructor, keywords: Mapping[str, Any]) -> ExportConfigConstructor:
    """A constructor with these keyword arguments added."""
    if isinstance(constructor, ConfigConstructor):
        return ConfigConstructor(constructor.target, {**constructor.keywords, **keywords})
    return functools.partial(constructor, **keywords)


def make_backend_config_constructor_for_task(config_cls: ClassRef | type, task: str) -> ConfigConstructor:
    """A constructor of this class for `task`; a task that ends in "-with-past" sets `use_past`.

    A class that is given by name is checked when it is first called.

    Raises:
        UnsupportedTaskError: the task is with past, and the class does not support that.
    """
    base = task.removesuffix(WITH_PAST)
    if base == task:
        return ConfigConstructor(config_cls, {"task": task})
    if isinstance(config_cls, type):
        check_supports_past(config_cls)
    return ConfigConstructor(config_cls, {"use_past": True, "task": base})


def check_supports_past(config_class: type) -> None:
    """Accept only a class that supports tasks with past.

    Raises:
        UnsupportedTaskError: it does not.
    """
    if not getattr(config_class, "SUPPORTS_PAST", False):
        raise UnsupportedTaskError(f"{config_class.__name__} does not support tasks with past")
