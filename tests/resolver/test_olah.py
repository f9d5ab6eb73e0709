"""Against olah, a Hub mirror server that others wrote: it knows git repos, and of the Hub's own words next to nothing.

It ignores `expand`, sends no `X-Repo-Commit`, and computes no `pipeline_tag`, `library_name` or extract.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from resolver.resolution import Resolution, Source
from tests.ports import find_free_port
from tests.resolver.support import BERT, answers, code_of, codes, open_resolver, rows_without_source, settings_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("git") is None, reason="the mirror serves git repos, and git makes them"),
]

CARD = "---\npipeline_tag: {}\nlibrary_name: {}\n---\n# A model\n"
REPOS: dict[str, dict[str, object]] = {
    "acme/bert": {"config.json": BERT, "model.safetensors": "w"},
    "acme/tagged": {
        "config.json": {**BERT, "architectures": ["BertModel"]},
        "README.md": CARD.format("sentence-similarity", "transformers"),
        "pytorch_model.bin": "w",
    },
    "acme/sd": {
        "model_index.json": {"_class_name": "StableDiffusionPipeline", "vae": ["diffusers", "AutoencoderKL"]},
        "vae/config.json": {"_class_name": "AutoencoderKL"},
        "vae/diffusion_pytorch_model.safetensors": "w",
    },
    "acme/st": {
        "config.json": {**BERT, "architectures": ["BertModel"]},
        "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}],
        "config_sentence_transformers.json": {"prompts": {}},
        "model.safetensors": "w",
    },
    "acme/timm": {
        "config.json": {"architecture": "resnet50", "num_classes": 10, "pretrained_cfg": {}},
        "model.safetensors": "w",
    },
    "acme/lora": {
        "adapter_config.json": {"peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "a/b"},
        "adapter_model.safetensors": "w",
    },
    "acme/bad": {"config.json": "{not json", "README.md": CARD.format("fill-mask", "transformers")},
    "acme/empty": {".gitattributes": ""},
}
EXPECTED = {
    "acme/bert": ("transformers", "fill-mask", "pt", "AutoModelForMaskedLM"),
    "acme/tagged": ("transformers", "sentence-similarity", "pt", "AutoModel"),
    "acme/sd": ("diffusers", "text-to-image", "pt", "AutoPipelineForText2Image"),
    "acme/st": ("sentence_transformers", "sentence-similarity", "pt", "SentenceTransformer"),
    "acme/timm": ("timm", "image-classification", "pt", "create_model"),
    "acme/lora": ("peft", "text-generation", "pt", "AutoPeftModelForCausalLM"),
}


@dataclass(frozen=True)
class Mirror:
    """A running olah, and the git repos it serves."""

    endpoint: str
    repos: Path

    def commit(self, repo_id: str, revision: str = "HEAD") -> str:
        return git(self.repos / "models" / repo_id, "rev-parse", f"{revision}^{{commit}}").strip()


def git(folder: Path, *arguments: str) -> str:
    """What git says, run as nobody in particular and without anyone's settings."""
    who = {f"GIT_{role}_{what}": "test@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    done = subprocess.run(["git", "-C", str(folder), *arguments], env=env, capture_output=True, text=True, check=True)
    return done.stdout


def commit_all(folder: Path, files: dict[str, object], message: str) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        body = content.encode() if isinstance(content, str) else msgspec.json.encode(content)
        (folder / name).write_bytes(body)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    """The server, started over repos made here and stopped at the end."""
    folder = tmp_path_factory.mktemp("olah")
    repos, port = folder / "git", find_free_port()
    for repo_id, files in REPOS.items():
        repo = repos / "models" / repo_id
        repo.mkdir(parents=True)
        git(repo, "init", "-q", "-b", "main")
        commit_all(repo, files, "first")
    versions = repos / "models" / "acme" / "bert"
    git(versions, "tag", "v1")
    git(versions, "checkout", "-q", "-b", "dev")
    commit_all(versions, {"config.json": {**BERT, "architectures": ["BertForTokenClassification"]}}, "another head")
    git(versions, "checkout", "-q", "main")
    config = folder / "olah.toml"
    config.write_text(
        f'[basic]\nhost = "127.0.0.1"\nport = {port}\nrepos-path = "{folder / "cache"}"\nmirrors-path = ["{repos}"]\n'
        "[accessibility]\noffline = true\n"
    )
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "olah-cli"), "-c", str(config)],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(folder), "GIT_CONFIG_GLOBAL": os.devnull},
        )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        wait_until_there(endpoint, process, log)
        yield Mirror(endpoint, repos)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_there(endpoint: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"{endpoint}/api/models/acme/bert/revision/main", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
            continue
        return
    raise AssertionError(f"olah did not start:\n{log.read_text()[-3000:]}")


async def test_repos_resolve_from_their_files_and_cards(mirror: Mirror, store: Path) -> None:
    found = await answers(settings_for(mirror.endpoint, store), list(EXPECTED))
    for item in found:
        assert isinstance(item, Resolution), item
        said = (item.library, item.task, item.framework, item.model_class)
        assert said == EXPECTED[item.repo_id], item
        assert (item.commit_hash, item.canonical_id) == (mirror.commit(item.repo_id), item.repo_id)
        assert item.source is Source.HUB
    offline = await answers(settings_for(mirror.endpoint, store, offline=True), list(EXPECTED))
    assert rows_without_source(offline) == rows_without_source(found)


async def test_lean_answers_are_the_same(mirror: Mirror, store: Path, tmp_path: Path) -> None:
    eager = await answers(settings_for(mirror.endpoint, store), list(EXPECTED))
    lean = await answers(settings_for(mirror.endpoint, tmp_path / "lean.sqlite3", lean=True), list(EXPECTED))
    assert rows_without_source(lean) == rows_without_source(eager)


async def test_branches_tags_and_commits_are_told_apart(mirror: Mirror, store: Path) -> None:
    dev = mirror.commit("acme/bert", "dev")
    asked = [("acme/bert", revision) for revision in ("main", "v1", "dev", dev)]
    found = await answers(settings_for(mirror.endpoint, store), asked)
    main = mirror.commit("acme/bert", "main")
    assert [(item.commit_hash, item.task) for item in found if isinstance(item, Resolution)] == [
        *((main, "fill-mask"), (main, "fill-mask"), (dev, "token-classification"), (dev, "token-classification"))
    ]


async def test_an_unchanged_repo_costs_one_request_to_ask_again(mirror: Mirror, store: Path) -> None:
    await codes(settings_for(mirror.endpoint, store), ["acme/bert"])
    async with open_resolver(settings_for(mirror.endpoint, store, refresh=True)) as resolver:
        await resolver.resolve("acme/bert")
        assert resolver.requests == {"api": 1}


async def test_what_is_missing_or_says_nothing_is_a_clear_row(mirror: Mirror, store: Path) -> None:
    asked = ["acme/none", "acme/bert@nope", "acme/bad", "acme/empty", "acme/bert"]
    found = await answers(settings_for(mirror.endpoint, store), asked)
    # This server does not tell a missing revision from a missing repo.
    assert [code_of(item) for item in found] == ["repo_not_found", "repo_not_found", None, None, None]
    bad, empty = found[2], found[3]
    assert isinstance(bad, Resolution) and (bad.library, bad.task) == ("transformers", "fill-mask")
    assert isinstance(empty, Resolution) and empty.undecided
