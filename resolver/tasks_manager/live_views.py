"""Shows tables of a registry as mappings that callers may also write: a write counts from then on, for its view only.

optimum keeps such tables as dictionaries on its class, and packages such as optimum-intel add rows to them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Set
from typing import Any, Generic, TypeVar

from registry.export.export_registry import ExportRegistry

Key = TypeVar("Key")
Value = TypeVar("Value")

TASKS_DEPTH = 3
"""The depth in a table of export configurations at which the keys are tasks."""


class WritableView(MutableMapping[Key, Value], Generic[Key, Value]):
    """A live view of `read_base()`, with what was written over it. `written` and `removed` hold only that."""

    def __init__(self, read_base: Callable[[], Mapping[Key, Value]]) -> None:
        self._read_base = read_base
        self.written: dict[Key, Value] = {}
        self.removed: set[Key] = set()

    def __getitem__(self, key: Key) -> Value:
        if key in self.written:
            return self.written[key]
        if key in self.removed:
            raise KeyError(key)
        return self._read_base()[key]

    def __setitem__(self, key: Key, value: Value) -> None:
        self.written[key] = value

    def __delitem__(self, key: Key) -> None:
        if key not in self:
            raise KeyError(key)
        self.written.pop(key, None)
        if key in self._read_base():
            self.removed.add(key)

    def __iter__(self) -> Iterator[Key]:
        base = (key for key in self._read_base() if key not in self.removed or key in self.written)
        return iter(dict.fromkeys((*base, *self.written)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


class NestedView(MutableMapping[str, MutableMapping[str, Value]], Generic[Value]):
    """A live view of a mapping of mappings; the inner ones are views that keep what is written to them."""

    def __init__(self, read_base: Callable[[], Mapping[str, Mapping[str, Value]]]) -> None:
        self._read_base = read_base
        self._removed: set[str] = set()
        self._inner: dict[str, WritableView[str, Value]] = {}
        self._added: set[str] = set()

    def __getitem__(self, key: str) -> WritableView[str, Value]:
        if key not in self:
            raise KeyError(key)
        return self.get_view(key)

    def get_view(self, key: str) -> WritableView[str, Value]:
        """The view at `key`, which may be empty; writing to it adds the key."""
        if key not in self._inner:
            self._inner[key] = WritableView(lambda: {} if key in self._removed else self._read_base().get(key, {}))
        return self._inner[key]

    def __setitem__(self, key: str, value: Mapping[str, Value]) -> None:
        items = dict(value)
        view = self.get_view(key)
        view.clear()
        view.update(items)
        self._added.add(key)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._inner.pop(key, None)
        self._added.discard(key)
        self._removed.add(key)

    def setdefault(self, key: str, default: Any = None) -> WritableView[str, Value]:
        """The view at `key`; a mapping `default` is written there if there is none yet."""
        if key not in self:
            self[key] = default or {}
        return self[key]

    def __contains__(self, key: object) -> bool:
        return key in set(self)

    def __iter__(self) -> Iterator[str]:
        base = (key for key in self._read_base() if key not in self._removed)
        written = (key for key, view in self._inner.items() if view.written)
        return iter(dict.fromkeys((*base, *self._added, *written)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr({key: dict(view) for key, view in self.items()})

    def list_written(self) -> dict[str, dict[str, Value]]:
        """What was written, without the rows of the base."""
        return {key: view.written for key, view in self._inner.items() if view.written}


class ExportTableView(MutableMapping[str, Any]):
    """A live view of export configurations below a place: library -> model type -> backend -> task -> constructor.

    Writing changes the export registry that is in use.
    """

    def __init__(self, read_exports: Callable[[], ExportRegistry], *path: str) -> None:
        self._read_exports = read_exports
        self._path = path

    def __getitem__(self, key: str) -> Any:
        if len(self._path) == TASKS_DEPTH:
            library, model_type, backend = self._path
            return self._read_exports().get_constructor(library, model_type, backend, key)
        if key not in self._read_exports().list_keys(*self._path):
            raise KeyError(key)
        return ExportTableView(self._read_exports, *self._path, key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._read_exports().replace((*self._path, key), value)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """What is at `key`, as a view; `default` is written there if there is nothing yet."""
        if key not in self:
            self[key] = default
        return self[key]

    def __delitem__(self, key: str) -> None:
        self._read_exports().remove(*self._path, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._read_exports().list_keys(*self._path))

    def __len__(self) -> int:
        return len(self._read_exports().list_keys(*self._path))

    def __repr__(self) -> str:
        return repr(dict(self))


class ModelTypesView(Mapping[str, Any], Set[str]):
    """The model types of several libraries, without `excluded` ones: a live view that is a mapping and a set.

    As a mapping it leads to backend -> task -> constructor. If two libraries have a model type, the first one counts.
    """

    def __init__(
        self, read_exports: Callable[[], ExportRegistry], libraries: Collection[str], excluded: Collection[str]
    ) -> None:
        self._views = {name: ExportTableView(read_exports, name) for name in libraries}
        self._excluded = excluded

    def __getitem__(self, key: str) -> Any:
        for view in self._views.values():
            if key in view and key not in self._excluded:
                return view[key]
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return key not in self._excluded and any(key in view for view in self._views.values())

    def __iter__(self) -> Iterator[str]:
        names = (name for view in self._views.values() for name in view if name not in self._excluded)
        return iter(dict.fromkeys(names))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __eq__(self, other: object) -> bool:
        return set(self) == set(other) if isinstance(other, Set) else dict(self) == other

    __hash__ = None  # type: ignore[assignment]  # as of all mutable collections

    def __repr__(self) -> str:
        return repr(set(self))

    @classmethod
    def _from_iterable(cls, it: Any) -> Any:
        """The result of a set operator: a plain set."""
        return set(it)
