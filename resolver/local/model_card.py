"""Reads the hints in the YAML header of a model card, in bounded time and memory.

The header is a stranger's. It is read as a stream of events and never becomes Python values: of a few keys the text is
taken, everything else is skipped. So no alias is expanded, no number is computed and no object is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from registry.facts import HubHints

CARD = "README.md"
"""The model card's path."""

MAX_CARD_BYTES = 1024 * 1024
"""Most bytes read of a model card. A longer header is ignored."""

MAX_EVENTS = 100_000
"""Most events of a header that are read: scalars, begins and ends of lists and mappings. The rest is ignored."""

MAX_DEPTH = 100
"""Deepest nesting of a header that is read."""

MAX_TAGS = 1_000
"""Most tags that are taken, the first ones."""

MAX_TEXT_LENGTH = 200
"""Longest text that is taken for a tag or a name."""

_TEXT_KEYS = ("pipeline_tag", "library_name", "base_model_relation")
_LIST_KEYS = ("tags", "base_model")

_STR_TAG = "tag:yaml.org,2002:str"


def read_card_hints(path: Path) -> HubHints:
    """The hints in the header of a model card; empty where there is no readable header."""
    if not path.is_file():
        return HubHints()
    try:
        with path.open("rb") as file:
            return parse_card(file.read(MAX_CARD_BYTES))
    except OSError:
        return HubHints()


def parse_card(card: bytes) -> HubHints:
    """The hints in the header of a model card; empty where there is no readable header."""
    try:
        text = _find_header(card[:MAX_CARD_BYTES])
    except UnicodeDecodeError:
        return HubHints()
    return parse_header(text) if text is not None else HubHints()


def _find_header(card: bytes) -> str | None:
    """What stands between the first two lines of "---", where nothing but blank lines comes before."""
    lines = iter(card.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))
    if next((line.strip() for line in lines if line.strip()), None) != b"---":
        return None
    header: list[bytes] = []
    for line in lines:
        if line == b"---":
            return b"\n".join(header).decode("utf-8")
        header.append(line)
    return None


class _LimitError(Exception):
    """The header is larger than what is read."""


def parse_header(text: str) -> HubHints:
    """The hints in the text of a header; empty where it is not YAML."""
    import yaml

    found: dict[str, str | None] = {}
    lists: dict[str, list[str]] = {}
    try:
        _read_top_level(_Events(text), found, lists)
    except _LimitError:
        pass
    except (yaml.YAMLError, ValueError, RecursionError):
        return HubHints()
    bases = _build_base_tags(lists.get("base_model", []), found.get("base_model_relation"))
    return HubHints(
        pipeline_tag=found.get("pipeline_tag"),
        library_name=found.get("library_name"),
        tags=(*lists.get("tags", ()), *bases),
    )


def _build_base_tags(bases: list[str], relation: str | None) -> list[str]:
    """The tags that the Hub makes of the base models in a card."""
    related = [f"base_model:{relation}:{base}" for base in bases] if relation is not None else []
    return [*(f"base_model:{base}" for base in bases), *related]


def _read_top_level(events: _Events, found: dict[str, str | None], lists: dict[str, list[str]]) -> None:
    """Fill `found` and `lists` from the values of the outermost mapping. A text alone is a list of one."""
    if events.next_after_start() != "MappingStartEvent":
        return
    while (kind := events.next()) != "MappingEndEvent":
        key = events.get_text() if kind == "ScalarEvent" else None
        events.skip(kind)
        kind = events.next()
        text = events.get_text() if kind == "ScalarEvent" else None
        if key in _TEXT_KEYS:
            found[key] = text
        elif key in _LIST_KEYS:
            # Of duplicate keys the last counts.
            texts = lists[key] = [text] if text is not None else []
            if kind == "SequenceStartEvent":
                _read_list(events, texts)
                continue
        events.skip(kind)


def _read_list(events: _Events, texts: list[str]) -> None:
    while (kind := events.next()) != "SequenceEndEvent":
        text = events.get_text() if kind == "ScalarEvent" else None
        if text is not None and len(texts) < MAX_TAGS:
            texts.append(text)
        events.skip(kind)


class _Events:
    """The events of a YAML text, counted; `next` gives the kind of one, and `get_text` its text."""

    def __init__(self, text: str) -> None:
        import yaml

        # libyaml where PyYAML was built with it: it takes a tenth of the time.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self._event: yaml.Event | None = None
        self._implicit = yaml.SafeLoader.yaml_implicit_resolvers
        self._left = MAX_EVENTS

    def next(self) -> str:
        """The kind of the next event."""
        self._left -= 1
        self._event = next(self._events, None)
        if self._left < 0 or self._event is None:
            raise _LimitError
        return type(self._event).__name__

    def next_after_start(self) -> str:
        """The kind of the first event that belongs to the content."""
        while (kind := self.next()) in ("StreamStartEvent", "DocumentStartEvent"):
            pass
        return kind

    def skip(self, kind: str) -> None:
        """Skip the rest of the node that an event of this kind began."""
        depth = int(kind.endswith("StartEvent"))
        while depth:
            kind = self.next()
            depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
            if depth > MAX_DEPTH:
                raise _LimitError

    def get_text(self) -> str | None:
        """The text of a scalar that is a string and can be a tag or a name; None for any other."""
        import yaml

        event = self._event
        if not isinstance(event, yaml.ScalarEvent) or not 0 < len(event.value) <= MAX_TEXT_LENGTH:
            return None
        value = str(event.value)
        if any("\ud800" <= char <= "\udfff" for char in value):
            # UTF-8 cannot encode it: an escape in YAML can be half a surrogate pair.
            return None
        is_plain = event.implicit[0]
        if not is_plain:
            return value if event.implicit[1] or event.tag == _STR_TAG else None
        # A plain scalar is a string unless it has the form of a number, a date, a boolean or null.
        resolvers = [*self._implicit.get(value[0], ()), *self._implicit.get(None, ())]
        return None if any(pattern.match(value) for _, pattern in resolvers) else value
