"""The URLs of the Hub's API. Pure."""

from __future__ import annotations

from urllib.parse import quote

EXPAND = (
    "sha",
    "siblings",
    "pipeline_tag",
    "library_name",
    "tags",
    "config",
    "transformersInfo",
    "gguf",
    "gated",
    "private",
    "disabled",
)
"""The properties of model info that facts and hints are made of (huggingface_hub 2.4, hf_api.ExpandModelProperty_T)."""

_EXPAND_QUERY = "&".join(f"expand={name}" for name in EXPAND)


def model_info_url(endpoint: str, repo_id: str, revision: str) -> str:
    """Model info by revision: the route that mirrors answer too, though they ignore `expand`."""
    return f"{endpoint}/api/models/{repo_id}/revision/{quote(revision, safe='')}?{_EXPAND_QUERY}"


def dataset_info_url(endpoint: str, repo_id: str) -> str:
    """Where a dataset of this id would answer."""
    return f"{endpoint}/api/datasets/{repo_id}?expand=private"


def file_url(endpoint: str, repo_id: str, revision: str, path: str) -> str:
    """One file of a repo at a revision."""
    return f"{endpoint}/{repo_id}/resolve/{quote(revision, safe='')}/{quote(path)}"
