"""The public names as a typed program uses them: checked by type checkers, never run.

A line with `# type: ignore` must be an error: mypy reports an unused ignore as one.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import assert_type

import registry
import resolver
import store
from registry import ArchitectureRow, Extension, Registry, RepoFacts, decide, default_registry, find_class
from registry.export import ExportConfig, ExportRegistry, shipped_export_registry
from resolver import (
    Candidate,
    Decision,
    Evidence,
    Failure,
    HubError,
    HubresolveError,
    Loaded,
    RateLimitedError,
    Resolution,
    ResolveError,
    Resolver,
    Settings,
    Source,
    TasksManager,
    resolve,
)
from resolver.exporting import export_onnx, export_onnx_folder
from store import (
    MetadataStore,
    StoreError,
    StoreInfo,
    export_bundle,
    prune,
    verify,
)


def misspell_names() -> None:
    """A misspelt name is an error, not `Any`."""
    from registry import nonsense  # type: ignore[attr-defined]
    from resolver import resolv  # type: ignore[attr-defined]
    from store import stor  # type: ignore[attr-defined]

    resolver.nonsense  # type: ignore[attr-defined]
    store.nonsense  # type: ignore[attr-defined]
    registry.nonsense  # type: ignore[attr-defined]
    assert_type(resolver.__version__, str)


async def use_a_resolver() -> None:
    """Answers, in the forms that a program reads."""
    settings = Settings(endpoint="https://hub.test", store=Path("store.sqlite3"), token=False, max_age_s=60)
    async with Resolver(settings) as opened:
        answer = await opened.resolve("acme/bert", "main", "fill-mask")
        assert_type(answer, Resolution)
        assert_type(answer.task, str | None)
        assert_type(answer.weights, tuple[str, ...])
        assert_type(answer.requires_remote_code, bool)
        assert_type(answer.source, Source)
        assert_type(answer.decision, Decision)
        assert_type(answer.evidence, tuple[Evidence, ...])
        assert_type(answer.candidates, tuple[Candidate, ...])
        async for item in opened.resolve_many(["acme/bert", ("acme/bert", None), Path("model")], subfolder="unet"):
            assert_type(item, Resolution | Failure)
            if isinstance(item, Failure):
                assert_type(item.error, ResolveError)
        async for listed in opened.resolve_listing(author="acme", filter=["gguf"], limit=10):
            assert_type(listed, Resolution | Failure)
        async for model in opened.load_many(["acme/bert"], device="cpu", trust_remote_code=False):
            assert_type(model, Loaded | Failure)
        await opened.load("acme/bert", devise="cuda")  # type: ignore[call-arg]
        await opened.resolve(1)  # type: ignore[arg-type]
    Settings(endpont="")  # type: ignore[call-arg]


def catch_errors() -> float | None:
    """Every error has one root, and those that a caller can act on carry what is needed for it."""
    try:
        assert_type(resolve("acme/bert"), Resolution)
    except RateLimitedError as error:
        return error.retry_after_s
    except HubError as error:
        assert_type(error.status, int | None)
    except ResolveError as error:
        assert_type(error.code, str)
    except StoreError as error:
        raise HubresolveError from error
    return None


async def use_a_store(rules: Registry) -> None:
    """A store is carried, checked and pruned."""
    async with MetadataStore("store.sqlite3") as opened:
        assert_type(await opened.get_info(), StoreInfo)
        await export_bundle(opened, Path("knowledge.bundle"), ["acme/bert"])
        await verify(opened, rules)
        await prune(opened, checked_before_s=0.0)


def use_a_registry(facts: RepoFacts) -> ExportConfig:
    """A registry decides, is extended, and knows classes and exports."""
    row = ArchitectureRow(architecture="MyForCausalLM", task="text-generation", model_type="my")
    rules = default_registry().extended(Extension(name="mine", architectures=(row,)))
    assert_type(rules, Registry)
    assert_type(decide(facts, rules), Decision)
    find_class("text-generation", rules, model_type="my")
    exports = shipped_export_registry(rules)
    assert_type(exports, ExportRegistry)
    config: ExportConfig = exports.get_exporter_config_constructor("onnx", model_type="bert", task="fill-mask")(None)
    assert_type(export_onnx(None, config, "model.onnx", opset=18, batch_size=3), Path)
    assert_type(export_onnx_folder(None, "fill-mask", "folder", opset=18), dict[str, Path])
    TasksManager.get_supported_tasks_for_model_type("bert", "onnx")
    return config


if __name__ == "__main__":
    asyncio.run(use_a_resolver())
