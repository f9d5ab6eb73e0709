"""Detectors, whose configs may name a backbone as older releases of transformers wrote it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers as t

SMALL_DETR = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "num_queries": 5,
}


def save_detr(folder: Path) -> Any:
    """A DETR on a small ResNet of transformers' own."""
    torch.manual_seed(0)
    backbone = t.ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], out_features=["stage4"])
    config = t.DetrConfig(
        **SMALL_DETR, use_timm_backbone=False, use_pretrained_backbone=False, backbone=None, backbone_config=backbone
    )
    model = t.DetrForObjectDetection(config).eval()
    model.save_pretrained(folder)
    return model


def save_old_detr(folder: Path) -> Any:
    """A DETR on a ResNet of timm, with a config as transformers 4 wrote it: the backbone was trained before."""
    torch.manual_seed(0)
    config = t.DetrConfig(
        **SMALL_DETR, backbone_config=t.TimmBackboneConfig(backbone="resnet18", out_indices=[1, 2, 3, 4])
    )
    model = t.DetrForObjectDetection(config).eval()
    model.save_pretrained(folder)
    path = folder / "config.json"
    old = {
        "backbone": "resnet18",
        "backbone_config": None,
        "backbone_kwargs": {"out_indices": [1, 2, 3, 4], "in_chans": 3},
        "use_pretrained_backbone": True,
        "use_timm_backbone": True,
    }
    path.write_text(json.dumps({**json.loads(path.read_text()), **old}))
    return model
