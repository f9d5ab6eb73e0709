"""What importing costs, and `resolve` for callers without an event loop or inside one. In processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from resolver.local_hub import start_process
from tests.resolver.support import environment

MODEL_LIBRARIES = ("torch", "transformers", "diffusers", "timm", "sentence_transformers", "peft", "tensorflow", "jax")
HEAVY = ("aiohttp", "sqlalchemy", "aiosqlite", "huggingface_hub", "rich", "tenacity", "yaml", *MODEL_LIBRARIES)


def python(code: str, *arguments: str | Path, cwd: Path | None = None, **env: str) -> str:
    """What the code prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        env=environment(**env),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import resolver", HEAVY),
        ("import registry", HEAVY),
        ("import resolver, resolver.errors, resolver.settings", HEAVY),
        ("import store", ("aiohttp", "huggingface_hub", *MODEL_LIBRARIES)),
        ("from resolver import *", ("aiohttp", *MODEL_LIBRARIES)),
        ("import resolver.cli.main", HEAVY),
        ("from resolver.tasks_manager import TasksManager", ("aiohttp", "sqlalchemy", "optimum", *MODEL_LIBRARIES)),
        ("import resolver.hub.client, resolver.local.folder, resolver.local.hf_cache", MODEL_LIBRARIES),
    ],
)
def test_importing_loads_only_what_is_needed(statement: str, unwanted: tuple[str, ...]) -> None:
    loaded = python(f"import sys; {statement}; print(*sys.modules)").split()
    assert not set(unwanted) & set(loaded)


def test_all_public_names_are_there_and_no_others() -> None:
    for package in ("resolver", "store", "registry", "registry.export", "resolver.exporting", "resolver.tasks_manager"):
        code = f"import {package} as it; assert dir(it) == sorted(it.__all__); [getattr(it, name) for name in dir(it)]"
        python(code)
    assert set(python("import resolver; print(*dir(resolver))").split()) >= {"Resolver", "Failure", "__version__"}
    assert python("import resolver; print(hasattr(resolver, 'nonsense'))").strip() == "False"


def test_a_package_that_shadows_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "__init__.py").write_text("")
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "try:\n    import resolver\n"
        "except ImportError as error:\n    print(error)\n"
    )
    assert str(tmp_path / "store" / "__init__.py") in python(code, tmp_path)


CALL = """
import asyncio, sys
from resolver import Settings, resolve, ResolveError
settings = Settings(endpoint=sys.argv[1], store=sys.argv[2], token=False, offline=False)
def ask():
    print(resolve("acme/bert", settings=settings).task)
    try:
        resolve("acme/none", settings=settings)
    except ResolveError as error:
        print(error.code)
async def inside():
    ask()
if sys.argv[3] == "inside":
    asyncio.run(inside())
else:
    ask()
    ask()
"""


@pytest.mark.parametrize("where", ["outside", "inside"])
def test_resolve_blocks_until_the_answer_is_there_with_and_without_a_loop(tmp_path: Path, where: str) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"id":"acme/bert","config":{"architectures":["BertForMaskedLM"],"model_type":"bert"},'
        '"siblings":["config.json","model.safetensors"]}\n'
    )
    with start_process(jsonl=rows) as hub:
        said = python(CALL, hub.endpoint, tmp_path / "store", where).split()
    assert said == ["fill-mask", "repo_not_found"] * (2 if where == "outside" else 1)
