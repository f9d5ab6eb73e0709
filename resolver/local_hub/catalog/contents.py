"""The bytes of repo files: given contents, plausible stand-ins for the rest, and their hashes. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

LFS_SUFFIXES: Final = (
    ".safetensors", ".bin", ".gguf", ".onnx", ".h5", ".msgpack", ".pt", ".pth", ".ckpt", ".ot", ".npz", ".nemo",
    ".tflite", ".keras", ".pkl", ".joblib", ".onnx_data", ".model", ".pb",
)  # fmt: skip
"""Suffixes that the `.gitattributes` of a new Hub repo hands to LFS (those that model repos use)."""

_STANDARD: Final[Mapping[str, Any]] = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ],
    "config_sentence_transformers.json": {
        "model_type": "SentenceTransformer",
        "prompts": {},
        "default_prompt_name": None,
        "similarity_fn_name": "cosine",
    },
    "sentence_bert_config.json": {"max_seq_length": 512, "do_lower_case": False},
    "1_Pooling/config.json": {
        "word_embedding_dimension": 384,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False,
    },
}
_STANDARD_BYTES: Final = {path: msgspec.json.encode(content) for path, content in _STANDARD.items()}
_GIT_ATTRIBUTES: Final = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()


def stand_in(repo_id: str, path: str) -> bytes:
    """Small deterministic content for a listed file whose real content is not known.

    JSON files are valid JSON, `*.safetensors` are valid files without tensors.
    """
    if path in _STANDARD_BYTES:
        return _STANDARD_BYTES[path]
    if path.endswith(".json"):
        return b"{}"
    if path == ".gitattributes":
        return _GIT_ATTRIBUTES
    if path.endswith(".md"):
        return f"# {repo_id}\n".encode()
    if path.endswith(".safetensors"):
        header = msgspec.json.encode({"__metadata__": {"format": "pt", "repo": repo_id, "path": path}})
        return len(header).to_bytes(8, "little") + header
    return f"stand-in for {path} of {repo_id}\n".encode()


class RowFiles(Mapping[str, bytes]):
    """The files of one commit: `paths` in order, `given` where the content is known, stand-ins for the rest.

    Contents that are not given are made on each look-up, so that a catalog of many repos stays small.
    """

    __slots__ = ("given", "paths", "repo_id")

    def __init__(self, repo_id: str, paths: tuple[str, ...], given: Mapping[str, bytes]) -> None:
        self.repo_id = repo_id
        self.paths = paths
        self.given = given

    def __getitem__(self, path: str) -> bytes:
        content = self.given.get(path)
        if content is not None:
            return content
        if path in self.paths:
            return stand_in(self.repo_id, path)
        raise KeyError(path)

    def __contains__(self, path: object) -> bool:
        return path in self.given or path in self.paths

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def paths_of(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The paths of a commit as a tuple, without copying where it already is one."""
    return files.paths if isinstance(files, RowFiles) else tuple(files)


def to_bytes(content: object) -> bytes:
    """File content from what a caller or a row gives: bytes, text, or a JSON value."""
    match content:
        case bytes():
            return content
        case str():
            return content.encode()
        case _:
            return msgspec.json.encode(content)


def is_lfs(path: str, size_bytes: int, threshold_bytes: int) -> bool:
    """Whether the Hub would keep this file in large-file storage."""
    return path.endswith(LFS_SUFFIXES) or size_bytes >= threshold_bytes


def git_sha1(content: bytes) -> str:
    """The git blob id: 40 hex digits."""
    return hashlib.sha1(b"blob %d\x00" % len(content) + content, usedforsecurity=False).hexdigest()


def sha256(content: bytes) -> str:
    """The LFS object id: 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def lfs_pointer(content: bytes) -> bytes:
    """The text that git itself holds for an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256(content)}\nsize {len(content)}\n".encode()


def tree_sha1(repo_id: str, files: Mapping[str, bytes], parent: str = "") -> str:
    """A commit hash: 40 hex digits over the parent, the paths and the contents."""
    digest = hashlib.sha1(f"{repo_id}\n{parent}\n".encode(), usedforsecurity=False)
    for path in sorted(files):
        digest.update(f"{path}\n{git_sha1(files[path])}\n".encode())
    return digest.hexdigest()
