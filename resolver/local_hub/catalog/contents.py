"""Builds and hashes the contents of repo files: known contents, and placeholders for the others. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

LFS_SUFFIXES: Final = (
    ".safetensors", ".bin", ".gguf", ".onnx", ".h5", ".msgpack", ".pt", ".pth", ".ckpt", ".ot", ".npz", ".nemo",
    ".tflite", ".keras", ".pkl", ".joblib", ".onnx_data", ".model", ".pb",
)  # fmt: skip
"""Suffixes that the `.gitattributes` of a new Hub repo stores in LFS (those that model repos use)."""

_PLACEHOLDERS: Final[Mapping[str, Any]] = {
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
_PLACEHOLDER_BYTES: Final = {path: msgspec.json.encode(content) for path, content in _PLACEHOLDERS.items()}
_GIT_ATTRIBUTES: Final = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()


def build_placeholder(repo_id: str, path: str) -> bytes:
    """Small deterministic content for a file whose real content is not known.

    JSON files are valid JSON, `*.safetensors` are valid files without tensors.
    """
    if path in _PLACEHOLDER_BYTES:
        return _PLACEHOLDER_BYTES[path]
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
    """The files of one commit: `paths` in order, `contents` of some of them, placeholders for the others.

    Placeholders are built on each look-up and not kept, so that a catalog of many repos stays small in memory.
    """

    __slots__ = ("contents", "paths", "repo_id")

    def __init__(self, repo_id: str, paths: tuple[str, ...], contents: Mapping[str, bytes]) -> None:
        self.repo_id = repo_id
        self.paths = paths
        self.contents = contents

    def __getitem__(self, path: str) -> bytes:
        content = self.contents.get(path)
        if content is not None:
            return content
        if path in self.paths:
            return build_placeholder(self.repo_id, path)
        raise KeyError(path)

    def __contains__(self, path: object) -> bool:
        return path in self.contents or path in self.paths

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def list_paths(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """The paths of a commit as a tuple; not copied where they are a tuple already."""
    return files.paths if isinstance(files, RowFiles) else tuple(files)


def encode_content(content: object) -> bytes:
    """The bytes of a file whose content is bytes, text or a JSON value."""
    match content:
        case bytes():
            return content
        case str():
            return content.encode()
        case _:
            return msgspec.json.encode(content)


def is_lfs(path: str, size_bytes: int, threshold_bytes: int) -> bool:
    """Whether the Hub would store this file in LFS."""
    return path.endswith(LFS_SUFFIXES) or size_bytes >= threshold_bytes


def hash_git_blob(content: bytes) -> str:
    """The git blob id of a content: 40 hex digits."""
    return hashlib.sha1(b"blob %d\x00" % len(content) + content, usedforsecurity=False).hexdigest()


def hash_sha256(content: bytes) -> str:
    """The LFS object id of a content: 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def build_lfs_pointer(content: bytes) -> bytes:
    """The pointer file that git stores in place of an LFS file."""
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{hash_sha256(content)}\nsize {len(content)}\n".encode()
    )


def hash_commit(repo_id: str, files: Mapping[str, bytes], parent: str = "") -> str:
    """A commit hash of the parent, the paths and the contents: 40 hex digits."""
    digest = hashlib.sha1(f"{repo_id}\n{parent}\n".encode(), usedforsecurity=False)
    for path in sorted(files):
        digest.update(f"{path}\n{hash_git_blob(files[path])}\n".encode())
    return digest.hexdigest()
