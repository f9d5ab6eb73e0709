"""Parses the Hub's payloads into facts and hints. Pure; untyped JSON ends here.

Everything in a payload may be missing or of another type than documented: an unusable value counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from registry.facts import CommitHash, FileState, HubHints, SmallFile
from resolver.errors import HubResponseError, InvalidRequestError
from resolver.hub.body_size import count_values, is_large
from resolver.hub.lenient_json import UnusableJsonError, parse_json
from resolver.hub.weight_size import parse_weight_size
from resolver.repo_id import RepoRevision, is_commit_hash, is_repo_name, parse_repo_id

MAX_SMALL_FILE_BYTES = 8 * 1024 * 1024
"""Longest JSON file of a repo that is read; the longest real `config.json` (label names) are about 2 MB."""

MAX_VALUES = 250_000
"""Most values in a JSON file that is read: each takes memory, however short it is. Long lists of labels have fewer."""

MAX_INFO_BYTES = 16 * 1024 * 1024
"""Longest model info that is read; file names of the largest repos take a few MB."""

MAX_FILES = 250_000
"""Most files of a repo; the Hub advises against more than 100,000."""

MAX_FIELD_BYTES = 128 * 1024
"""Longest value of a large model info that is read, but for the file names; a longer one counts as missing."""

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""Longest page of a listing that is read: a thousand repos take a few MB."""

MAX_PAGE_VALUES = 2_000_000
"""Most values in such a page."""

_decode_raw_items = msgspec.json.Decoder(list[msgspec.Raw]).decode

LFS_POINTER = b"version https://git-lfs.github.com/spec/"


class ModelInfo(Struct, frozen=True, kw_only=True, gc=False):
    """Model info: the commit that the revision points to, its file names, and the Hub's hints.

    `parameters` and `weight_bytes` are the size of the weights, None where the Hub does not say; see `Resolution`.
    `modified_at_s` (seconds since 1970, UTC) is when the repo was last changed, where that was requested.
    """

    canonical_id: str
    commit_hash: CommitHash
    filenames: tuple[str, ...]
    hints: HubHints
    parameters: int | None = None
    weight_bytes: int | None = None
    modified_at_s: int | None = None


def parse_small_file(body: bytes, *, is_truncated: bool = False) -> SmallFile:
    """A JSON file of a repo, read or unreadable; never an error."""
    if is_truncated or len(body) > MAX_SMALL_FILE_BYTES:
        problem = f"longer than {MAX_SMALL_FILE_BYTES // 2**20} MiB"
        return SmallFile(state=FileState.UNREADABLE, problem=problem)
    if len(body) > MAX_VALUES and count_values(body) > MAX_VALUES:
        return SmallFile(state=FileState.UNREADABLE, problem=f"more than {MAX_VALUES:,} values")
    if body.startswith(LFS_POINTER):
        return SmallFile(state=FileState.UNREADABLE, problem="a pointer to a large file, not the file itself")
    try:
        content = parse_json(body)
    except UnusableJsonError as error:
        return SmallFile(state=FileState.UNREADABLE, problem=str(error)[:200])
    if not isinstance(content, (dict, list)):
        return SmallFile(state=FileState.UNREADABLE, problem=f"a JSON {_name_json_type(content)}, not an object")
    return SmallFile(state=FileState.READ, content=content)


def _name_json_type(value: Any) -> str:
    return {str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")


def parse_model_info(body: bytes, *, is_truncated: bool = False) -> ModelInfo:
    """Model info from the body of a response.

    Raises:
        HubResponseError: it is not an object, or names no repo or commit.
    """
    if is_truncated:
        raise _refuse(f"model info is longer than {MAX_INFO_BYTES // 2**20} MiB")
    if is_large(body):
        return _parse_large_info(body)
    try:
        payload = parse_json(body)
    except UnusableJsonError as error:
        raise HubResponseError(f"model info is {error}") from None
    return build_model_info(payload)


class _File(Struct, gc=False):
    rfilename: str | None = None


class _LargeInfo(Struct, gc=False):
    """The values of model info as they stand in its text, those that nothing reads left out."""

    id: msgspec.Raw = msgspec.Raw()
    modelId: msgspec.Raw = msgspec.Raw()  # noqa: N815 (the Hub's name)
    sha: msgspec.Raw = msgspec.Raw()
    pipeline_tag: msgspec.Raw = msgspec.Raw()
    library_name: msgspec.Raw = msgspec.Raw()
    tags: msgspec.Raw = msgspec.Raw()
    gated: msgspec.Raw = msgspec.Raw()
    private: msgspec.Raw = msgspec.Raw()
    disabled: msgspec.Raw = msgspec.Raw()
    config: msgspec.Raw = msgspec.Raw()
    cardData: msgspec.Raw = msgspec.Raw()  # noqa: N815 (the Hub's name)
    transformersInfo: msgspec.Raw = msgspec.Raw()  # noqa: N815 (the Hub's name)
    gguf: msgspec.Raw = msgspec.Raw()
    safetensors: msgspec.Raw = msgspec.Raw()
    siblings: msgspec.Raw = msgspec.Raw()


_decode_large_info = msgspec.json.Decoder(_LargeInfo).decode
_decode_files = msgspec.json.Decoder(list[_File]).decode


def _parse_large_info(body: bytes) -> ModelInfo:
    """As `build_model_info`, for a body that would take much memory if all of it became Python values."""
    try:
        texts = _decode_large_info(body)
        if texts.siblings and bytes(texts.siblings).count(b"{") > MAX_FILES:
            raise _refuse(f"model info names more than {MAX_FILES:,} files")
        files = _decode_files(texts.siblings) if texts.siblings else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HubResponseError(f"model info of {len(body):,} bytes cannot be read: {str(error)[:200]}") from None
    payload: dict[str, Any] = {}
    for name in _LargeInfo.__struct_fields__:
        text = bytes(getattr(texts, name))
        if text and len(text) <= MAX_FIELD_BYTES and name != "siblings":
            with suppress(UnusableJsonError):
                payload[name] = parse_json(text)
    payload["siblings"] = [{"rfilename": file.rfilename} for file in files]
    return build_model_info(payload)


def _refuse(problem: str) -> HubResponseError:
    """The error for a response that is too large, however often it is requested."""
    error = HubResponseError(problem)
    error.is_final = True
    return error


def parse_listing(body: bytes, *, is_truncated: bool = False) -> list[ModelInfo | RepoRevision]:
    """One page of a listing: the model info of each repo, or only its id where the page does not say enough (no commit,
    no file list, or the repo is disabled). Items that name no repo, or cannot be read, are left out.

    Raises:
        HubResponseError: it is not a list.
    """
    if is_truncated:
        raise _refuse(f"a page of the listing is longer than {MAX_PAGE_BYTES // 2**20} MiB")
    if len(body) > MAX_PAGE_VALUES and count_values(body) > MAX_PAGE_VALUES:
        raise _refuse(f"a page of the listing has more than {MAX_PAGE_VALUES:,} values")
    page: list[ModelInfo | RepoRevision] = []
    for item in _iterate_items(body):
        if not isinstance(item, dict):
            continue
        try:
            info = build_model_info(item)
            is_enough = isinstance(item.get("siblings"), list) and not info.hints.disabled
            page.append(info if is_enough else RepoRevision(info.canonical_id))
        except HubResponseError:
            try:
                page.append(parse_repo_id(str(item.get("id"))))
            except InvalidRequestError:
                continue
    return page


def _iterate_items(body: bytes) -> Iterator[Any]:
    """The items of a page, parsed one at a time: the garbage collector would walk through all of them at once."""
    try:
        texts = _decode_raw_items(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _parse_items_leniently(body)
        return
    for text in texts:
        item = bytes(text)
        with suppress(UnusableJsonError):
            yield _keep_id(item) if is_large(item) else parse_json(item)


def _keep_id(item: bytes) -> dict[str, Any]:
    """The id alone of a large item of a page: such a repo is requested by itself."""
    try:
        return {"id": parse_json(bytes(_decode_large_info(item).id)[:MAX_FIELD_BYTES])}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnusableJsonError("not an object") from None


def _parse_items_leniently(body: bytes) -> list[Any]:
    if is_large(body):
        raise HubResponseError("a page of the listing is not a JSON list of a form that is read in parts")
    try:
        payload = parse_json(body)
    except UnusableJsonError as error:
        raise HubResponseError(f"a page of the listing is {error}") from None
    if not isinstance(payload, list):
        raise HubResponseError("a page of the listing is not a JSON list")
    return payload


def parse_next_link(header: str) -> str | None:
    """The URL of the next page in a `Link` header; None on the last one."""
    for part in header.split(","):
        url, _, parameters = part.strip().partition(">")
        if url.startswith("<") and 'rel="next"' in parameters:
            return url[1:]
    return None


def build_model_info(payload: Any) -> ModelInfo:
    """Model info from one parsed object: a response of its own, or an item of a listing.

    Raises:
        HubResponseError: it is not an object, or names no repo or commit.
    """
    if not isinstance(payload, dict):
        raise HubResponseError("model info is not a JSON object")
    canonical_id, commit_hash = payload.get("id") or payload.get("modelId"), payload.get("sha")
    if not isinstance(canonical_id, str) or not is_repo_name(canonical_id):
        raise HubResponseError("model info names no repo")
    if not isinstance(commit_hash, str) or not is_commit_hash(commit_hash):
        raise HubResponseError(f"model info of {canonical_id!r} names no commit")
    parameters, weight_bytes = parse_weight_size(payload)
    return ModelInfo(
        canonical_id=canonical_id,
        commit_hash=CommitHash(commit_hash),
        filenames=_parse_filenames(payload.get("siblings")),
        hints=_parse_hints(payload),
        parameters=parameters,
        weight_bytes=weight_bytes,
        modified_at_s=_parse_time(payload.get("lastModified")),
    )


def _parse_time(value: Any) -> int | None:
    """The seconds since 1970 of a time such as "2024-02-19T11:06:12.000Z"; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        return int(datetime.fromisoformat(value).timestamp())
    except (ValueError, OverflowError):
        return None


def _parse_filenames(siblings: Any) -> tuple[str, ...]:
    if not isinstance(siblings, list):
        return ()
    # Lists, not generators: this runs for every file of every repo.
    names = [item.get("rfilename") for item in siblings if isinstance(item, dict)]
    return tuple(sorted([name for name in names if isinstance(name, str)]))


def _parse_hints(payload: Mapping[str, Any]) -> HubHints:
    card = _as_object(payload.get("cardData"))
    info = _as_object(payload.get("transformersInfo"))
    tags = payload.get("tags")
    gated = payload.get("gated")
    private = payload.get("private")
    return HubHints(
        # Mirrors that compute no tag still pass on the model card.
        pipeline_tag=_as_text(payload.get("pipeline_tag")) or _as_text(card.get("pipeline_tag")),
        library_name=_as_text(payload.get("library_name")) or _as_text(card.get("library_name")),
        tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        gated=gated if isinstance(gated, str) else ("manual" if gated is True else None),
        private=private if isinstance(private, bool) else None,
        disabled=payload.get("disabled") is True,
        extract=_trim_extract(_as_object(payload.get("config"))),
        auto_model=_as_text(info.get("auto_model")),
        auto_task=_as_text(info.get("pipeline_tag")),
        gguf_architecture=_as_text(_as_object(payload.get("gguf")).get("architecture")),
    )


def _trim_extract(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Hub's extract of the config files, without the parts that no decision reads (mostly chat templates)."""
    unused = ("tokenizer_config", "processor_config", "chat_template_jinja")
    return {key: value for key, value in config.items() if key not in unused}


def _as_object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_text(value: Any) -> str | None:
    # No name contains a NUL, and not every database can hold one.
    return value if isinstance(value, str) and value and "\0" not in value else None
