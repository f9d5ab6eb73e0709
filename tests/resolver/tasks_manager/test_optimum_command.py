"""The command of optimum and optimum-onnx, with our `TasksManager` in place of theirs, exports models that run.

They need transformers 4, so pip installs them into a separate environment, which takes minutes. `OPTIMUM_PYTHON` may
name a Python that already has torch, optimum, optimum-onnx, onnxruntime and this project.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from resolver.local_hub.server.process import start_process
from tests.resolver.support import ROOT, environment

pytestmark = pytest.mark.slow

MODELS = {
    # Name -> (arguments of the command, ONNX files that must be there).
    "bert": (("--task", "text-classification"), ("model.onnx",)),
    "gpt2": (("--task", "text-generation-with-past"), ("model.onnx",)),
    "t5": (("--task", "text2text-generation-with-past"), ("encoder_model.onnx", "decoder_model.onnx")),
    "auto": ((), ("model.onnx",)),
}


@pytest.fixture(scope="session")
def models(optimum_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny models, one folder each."""
    folder = tmp_path_factory.mktemp("models")
    done = _run([str(optimum_python), str(Path(__file__).with_name("optimum_models.py")), "make", str(folder)])
    assert done.returncode == 0, done.stderr[-4_000:]
    return folder


@pytest.mark.parametrize("configurations", ["adopted", "own"])
@pytest.mark.parametrize("name", MODELS)
def test_a_tiny_model_is_exported_and_runs(
    optimum_python: Path, models: Path, tmp_path: Path, name: str, configurations: str
) -> None:
    arguments, expected = MODELS[name]
    model = models / name
    line = [
        str(optimum_python),
        str(ROOT / "benchmarks" / "optimum_export.py"),
        "export",
        "onnx",
        "--model",
        str(model),
    ]
    more = {"HUBRESOLVE_STORE": str(tmp_path / "store.sqlite3"), "OPTIMUM_CONFIGS": configurations}
    done = _run([*line, *arguments, str(tmp_path / "out")], **more)
    assert done.returncode == 0, done.stderr[-4_000:]
    assert {*expected} <= {path.name for path in (tmp_path / "out").iterdir()}
    ran = _run(
        [str(optimum_python), str(Path(__file__).with_name("optimum_models.py")), "check", str(model), str(tmp_path)]
    )
    assert ran.returncode == 0, ran.stderr[-4_000:]
    assert "close" in ran.stdout


def test_a_repo_is_exported_by_its_id_and_offline_again(optimum_python: Path, models: Path, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "tiny").symlink_to(models)
    line = [
        str(optimum_python),
        str(ROOT / "benchmarks" / "optimum_export.py"),
        "export",
        "onnx",
        "--model",
        "tiny/bert",
    ]
    store_and_cache = {"HF_HUB_CACHE": str(tmp_path / "cache"), "HUBRESOLVE_STORE": str(tmp_path / "store.sqlite3")}
    with start_process(folder=tmp_path / "hub") as hub:
        online = _run([*line, str(tmp_path / "out")], **store_and_cache, HF_ENDPOINT=hub.endpoint, HF_HUB_OFFLINE="0")
    assert online.returncode == 0, online.stderr[-4_000:]
    offline = _run([*line, str(tmp_path / "again")], **store_and_cache, HF_ENDPOINT=hub.endpoint)
    assert offline.returncode == 0, offline.stderr[-4_000:]
    for name in ("out", "again"):
        assert (tmp_path / name / "model.onnx").stat().st_size > 10_000


def test_an_unsupported_task_is_refused_and_the_supported_ones_are_named(
    optimum_python: Path, models: Path, tmp_path: Path
) -> None:
    line = [str(optimum_python), str(ROOT / "benchmarks" / "optimum_export.py"), "export", "onnx"]
    done = _run([*line, "--model", str(models / "bert"), "--task", "image-classification", str(tmp_path / "out")])
    assert done.returncode != 0
    assert "only supports the tasks" in done.stderr and "fill-mask" in done.stderr


def test_a_configuration_class_of_optimums_is_registered_and_used(optimum_python: Path) -> None:
    done = _run([str(optimum_python), str(Path(__file__).with_name("optimum_models.py")), "examples"])
    assert done.returncode == 0, done.stderr[-4_000:]
    inputs = ["input_ids", "attention_mask"]
    assert done.stdout.splitlines()[-1] == str([True, inputs, ["last_hidden_state"], sorted(inputs)])


def test_what_packages_wrote_into_optimums_tables_is_adopted(optimum_python: Path) -> None:
    done = _run([str(optimum_python), str(Path(__file__).with_name("optimum_models.py")), "adopt"])
    assert done.returncode == 0, done.stderr[-4_000:]
    assert done.stdout.splitlines()[-1] == str([True, ["fill-mask"], "BertForMaskedLM", "JSONDecoder", True, True])


def test_the_interface_is_still_the_recorded_one(optimum_python: Path) -> None:
    done = _run(
        [
            str(optimum_python),
            str(ROOT / "tools" / "class_interface.py"),
            "optimum.exporters.tasks:TasksManager",
            "--compare",
            str(ROOT / "tests" / "data" / "tasks_manager.json"),
        ]
    )
    assert (done.returncode, done.stdout.strip()) == (0, "as recorded"), done.stdout + done.stderr


def _run(line: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    # The offline variables keep optimum and huggingface_hub from using the network.
    offline = {} if "pip" in line else {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(line, env=environment(**{**offline, **more}), capture_output=True, text=True, check=False)
