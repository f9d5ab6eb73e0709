"""Builds small wheels of libraries, with a RECORD that is right."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

MODELING = """
raise RuntimeError("this module must be read, not imported")
MODEL_MAPPING_NAMES = OrderedDict([("bert", "BertModel"), ("zyx", "ZyxFoldingTrunk")])
MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES = OrderedDict([("zyx", "ZyxSinger")])
MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING = _LazyAutoMapping(CONFIG_MAPPING_NAMES, MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES)

class AutoModelForTextToWaveform:
    _model_mapping = MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING
"""
CONFIGURATION = """
CONFIG_MAPPING_NAMES = OrderedDict([("bert", "BertConfig"), ("zyx", "ZyxConfig"), ("zyx_old", "ZyxConfig")])
SPECIAL_MODEL_TYPE_TO_MODULE_NAME = OrderedDict([])
"""
OWN_MODELING = """
class ZyxPreTrainedModel(PreTrainedModel):
    config: ZyxConfig

class ZyxSpareWheel(ZyxPreTrainedModel):
    pass

__all__ = ["ZyxSpareWheel"]
"""
OWN_CONFIGURATION = """
class ZyxConfig:
    model_type = "zyx"
"""

TRANSFORMERS: Mapping[str, str] = {
    "__init__.py": '__version__ = "5.99.0"\nraise RuntimeError("transformers was imported")\n',
    "models/auto/modeling_auto.py": MODELING,
    "models/auto/configuration_auto.py": CONFIGURATION,
    "models/zyx/modeling_zyx.py": OWN_MODELING,
    "models/zyx/configuration_zyx.py": OWN_CONFIGURATION,
}
"""The files of a release with three classes whose names tell nothing."""

PEFT: Mapping[str, str] = {
    "__init__.py": '__version__ = "0.99.0"\n',
    "auto.py": """
MODEL_TYPE_TO_PEFT_MODEL_MAPPING = {"SNIFFING": PeftModelForSniffing}

class AutoPeftModelForSniffing(_BaseAutoPeftModel):
    _target_class = AutoModelForTokenClassification
    _target_peft_class = PeftModelForSniffing
""",
    "utils/peft_types.py": """
class PeftType(str, enum.Enum):
    LORA = "LORA"

class TaskType(str, enum.Enum):
    SNIFFING = "SNIFFING"
""",
}


def hash_line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}\n"


def make_wheel(
    folder: Path,
    package: str = "transformers",
    version: str = "5.99.0",
    files: Mapping[str, str] = TRANSFORMERS,
    *,
    changed: Mapping[str, str] | None = None,
    record: str | None = None,
) -> Path:
    """A wheel in `folder`. `changed` files differ from what RECORD says; `record` replaces RECORD."""
    dist_info = f"{package}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {package.replace('_', '-')}\nVersion: {version}\n"
    members = {**{f"{package}/{name}": text for name, text in files.items()}, f"{dist_info}/METADATA": metadata}
    members[f"{dist_info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = [hash_line(name, text.encode()) for name, text in members.items()]
    members[f"{dist_info}/RECORD"] = "".join([*lines, f"{dist_info}/RECORD,,\n"]) if record is None else record
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{package}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**members, **(changed or {})}.items():
            archive.writestr(name, text)
    return path


def unpack(wheel: Path, folder: Path) -> Path:
    """The wheel as it is installed in `folder`."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder
