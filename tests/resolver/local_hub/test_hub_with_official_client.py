"""Checks the local Hub with the official client, huggingface_hub."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import huggingface_hub
import pytest
import pytest_asyncio
from huggingface_hub import HfApi, errors

from resolver.local_hub import Catalog, HubOptions, LocalHub, faults

T = TypeVar("T")
TOKENS = {"hf_reader": ("acme/gated", "acme/hidden"), "hf_stranger": ()}


@pytest.fixture(autouse=True)
def quiet_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the client from requests to other servers."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)


@pytest_asyncio.fixture
async def coded_hub(catalog: Catalog) -> AsyncIterator[LocalHub]:
    """Sends error codes with 401, which the official client needs on plain http."""
    async with LocalHub(catalog, HubOptions(tokens=TOKENS, http_error_codes=True)) as running:
        yield running


@pytest.fixture
def api(coded_hub: LocalHub) -> HfApi:
    """The official client, without a token."""
    return HfApi(endpoint=coded_hub.endpoint, token=False)


async def in_thread(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    return await asyncio.to_thread(call, *args, **kwargs)


@pytest.mark.asyncio
async def test_it_reads_model_info(api: HfApi) -> None:
    info = await in_thread(api.model_info, "legacy")
    assert (info.id, info.sha, info.pipeline_tag, info.library_name) == (
        "acme/bert",
        "a" * 40,
        "fill-mask",
        "transformers",
    )
    assert info.transformers_info is not None and info.transformers_info.auto_model == "AutoModelForMaskedLM"
    expanded = await in_thread(api.model_info, "acme/gguf", expand=["gguf", "sha"])
    assert expanded.gguf == {"total": 5, "architecture": "llama"} and expanded.siblings is None
    blobs = await in_thread(api.model_info, "acme/bert", files_metadata=True, securityStatus=True)
    assert blobs.siblings is not None
    weights = next(sibling for sibling in blobs.siblings if sibling.rfilename == "model.safetensors")
    assert weights.lfs is not None and weights.lfs.size == weights.size


@pytest.mark.asyncio
async def test_it_follows_revisions_and_pushes(coded_hub: LocalHub, api: HfApi, tmp_path: Path) -> None:
    pushed = coded_hub.catalog.push("acme/bert", {"config.json": {"model_type": "new"}}, branch="refs/pr/1")
    assert (await in_thread(api.model_info, "acme/bert", revision="refs/pr/1")).sha == pushed
    path = await in_thread(api.hf_hub_download, "acme/bert", "config.json", revision="refs/pr/1", cache_dir=tmp_path)
    assert Path(path).read_text() == '{"model_type":"new"}' and pushed in path
    refs = await in_thread(api.list_repo_refs, "acme/bert", include_pull_requests=True)
    assert refs.pull_requests is not None and refs.pull_requests[0].target_commit == pushed
    assert [commit.commit_id for commit in await in_thread(api.list_repo_commits, "acme/bert")] == ["a" * 40]


@pytest.mark.asyncio
async def test_it_downloads_small_and_large_files_and_whole_repos(
    coded_hub: LocalHub, api: HfApi, tmp_path: Path
) -> None:
    repo = coded_hub.catalog.get("acme/bert")
    assert repo is not None
    files = repo.commits[repo.head]
    for name in ("config.json", "model.safetensors"):
        path = await in_thread(api.hf_hub_download, "acme/bert", name, cache_dir=tmp_path)
        assert Path(path).read_bytes() == files[name]
    folder = Path(await in_thread(api.snapshot_download, "acme/bert", cache_dir=tmp_path))
    assert folder.name == "a" * 40
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(files)
    again = await in_thread(api.snapshot_download, "acme/bert", cache_dir=tmp_path, local_files_only=True)
    assert Path(again) == folder


@pytest.mark.asyncio
async def test_it_lists_models_over_pages(coded_hub: LocalHub, api: HfApi) -> None:
    for number in range(2500):
        repo_id = f"many/m{number:04d}"
        template = coded_hub.catalog.get("acme/bert")
        assert template is not None
        coded_hub.catalog.add(type(template)(id=repo_id, commits=template.commits, branches=template.branches))
    listed = await in_thread(lambda: list(api.list_models(author="many", expand=["sha", "config"])))
    assert [model.id for model in listed] == [f"many/m{number:04d}" for number in range(2500)]
    assert listed[0].sha == "a" * 40 and listed[0].config is not None
    assert coded_hub.count.kind["listing"] == 3
    searched = await in_thread(lambda: list(api.list_models(search="sd", filter="diffusers", full=True)))
    assert [model.id for model in searched] == ["acme/sd"]


@pytest.mark.asyncio
async def test_it_reads_trees_paths_and_existence(api: HfApi) -> None:
    tree = await in_thread(lambda: list(api.list_repo_tree("acme/bert", recursive=True, expand=True)))
    assert {entry.path for entry in tree} >= {"onnx", "onnx/fp16", "onnx/fp16/model.onnx", "config.json"}
    paths = await in_thread(api.get_paths_info, "acme/bert", ["config.json", "onnx", "nope"])
    assert [type(path).__name__ for path in paths] == ["RepoFile", "RepoFolder"]
    assert await in_thread(api.file_exists, "acme/bert", "config.json")
    assert not await in_thread(api.file_exists, "acme/bert", "nope")
    assert await in_thread(api.repo_exists, "acme/bert") and not await in_thread(api.repo_exists, "acme/nope")
    assert not await in_thread(api.revision_exists, "acme/bert", "nope")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("call", "arguments", "token", "error"),
    [
        ("model_info", ["acme/nope"], False, errors.RepositoryNotFoundError),
        ("model_info", ["acme/nope"], "hf_stranger", errors.RepositoryNotFoundError),
        ("model_info", ["acme/hidden"], False, errors.RepositoryNotFoundError),
        ("model_info", ["acme/words"], False, errors.RepositoryNotFoundError),
        ("hf_hub_download", ["acme/bert", "nope"], False, errors.RemoteEntryNotFoundError),
        ("hf_hub_download", ["acme/gated", "config.json"], False, errors.GatedRepoError),
        ("hf_hub_download", ["acme/gated", "config.json"], "hf_stranger", errors.GatedRepoError),
        ("auth_check", ["acme/gated"], "hf_stranger", errors.GatedRepoError),
    ],
)
async def test_it_maps_every_error_response_to_its_own_error(
    api: HfApi,
    tmp_path: Path,
    call: str,
    arguments: list[str],
    token: str | bool,
    error: type[Exception],
) -> None:
    options = {"cache_dir": tmp_path} if call == "hf_hub_download" else {}
    with pytest.raises(error):
        await in_thread(getattr(api, call), *arguments, token=token, **options)


@pytest.mark.asyncio
async def test_it_distinguishes_unknown_revisions_disabled_repos_and_bad_requests(
    api: HfApi, coded_hub: LocalHub
) -> None:
    with pytest.raises(errors.RevisionNotFoundError):
        await in_thread(api.model_info, "acme/bert", revision="nope")
    with pytest.raises(errors.DisabledRepoError):
        await in_thread(huggingface_hub.get_hf_file_metadata, f"{coded_hub.endpoint}/acme/off/resolve/main/config.json")
    with pytest.raises(errors.BadRequestError, match="Invalid option"):
        await in_thread(api.model_info, "acme/bert", expand=["nonsense"])


@pytest.mark.asyncio
async def test_a_token_opens_private_and_gated_repos_and_stays_on_its_origin(
    api: HfApi, coded_hub: LocalHub, tmp_path: Path
) -> None:
    assert (await in_thread(api.whoami, token="hf_reader"))["name"] == "local-user"
    assert (await in_thread(api.model_info, "acme/hidden", token="hf_reader")).private
    for repo_id in ("acme/hidden", "acme/gated"):
        await in_thread(api.hf_hub_download, repo_id, "model.safetensors", token="hf_reader", cache_dir=tmp_path)
    sent = {(entry.bucket, "Authorization" in entry.headers) for entry in coded_hub.requests}
    assert ("cdn", False) in sent and ("cdn", True) not in sent


@pytest.mark.asyncio
async def test_it_waits_out_a_rate_limit_in_a_listing(api: HfApi, coded_hub: LocalHub) -> None:
    coded_hub.faults.add(faults.rate_limited(reset_s=0), "/api/models")
    listed = await in_thread(lambda: list(api.list_models(author="acme")))
    assert len(listed) == 6
    assert coded_hub.count.status == {429: 1, 200: 1}
