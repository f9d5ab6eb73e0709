"""Lists the small values of config fields that tiny models have. Pure data."""

from __future__ import annotations

from typing import Any

RULES: dict[str, Any] = {
    # Config field -> its value. "layers": the requested number of layers. If the field is a list, a number is the value
    # of each item, and a list holds the items.
    **dict.fromkeys(
        (
            "num_hidden_layers",
            "num_layers",
            "n_layer",
            "n_layers",
            "encoder_layers",
            "decoder_layers",
            "num_decoder_layers",
            "encoder_num_hidden_layers",
            "decoder_num_hidden_layers",
            "num_encoder_layers",
            "text_encoder_layers",
        ),
        "layers",
    ),
    **dict.fromkeys(
        (
            "hidden_size",
            "d_model",
            "n_embd",
            "dim",
            "emb_dim",
            "embedding_size",
            "projection_dim",
            "width",
            "output_dim",
            "input_embedding_size",
            "output_embedding_size",
            "d_latents",
            "decoder_hidden_size",
            "mask_feature_size",
            "encoder_hidden_dim",
            "neck_hidden_size",
            "fusion_hidden_size",
            "word_embed_proj_dim",
        ),
        32,
    ),
    **dict.fromkeys(
        (
            "num_attention_heads",
            "n_head",
            "n_heads",
            "num_heads",
            "encoder_attention_heads",
            "decoder_attention_heads",
            "encoder_num_attention_heads",
            "decoder_num_attention_heads",
        ),
        4,
    ),
    **dict.fromkeys(
        ("num_key_value_heads", "num_kv_heads", "encoder_num_key_value_heads", "decoder_num_key_value_heads"), 2
    ),
    **dict.fromkeys(("head_dim", "d_kv", "attention_head_size", "rotary_dim"), 8),
    **dict.fromkeys(
        (
            "intermediate_size",
            "ffn_dim",
            "d_ff",
            "n_inner",
            "encoder_ffn_dim",
            "decoder_ffn_dim",
            "hidden_dim",
            "moe_intermediate_size",
            "shared_expert_intermediate_size",
            "ffn_hidden_size",
            "mlp_dim",
        ),
        48,
    ),
    **dict.fromkeys(("vocab_size", "entity_vocab_size", "codebook_size"), 128),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"), 512),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok",), 2),
    **dict.fromkeys(("sliding_window",), 64),
    "image_size": 32,
    "patch_size": 8,
    "num_queries": 12,
    "num_mel_bins": 16,
    "depths": [1, 1, 1, 1, 1, 1],
    "hidden_sizes": [16, 24, 32, 48, 64],
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "conv_dim": 16,
    "conv_channels": 32,
    "classifier_proj_size": 16,
    "tdnn_dim": [32, 32, 32, 32, 96],
    "xvector_output_dim": 32,
    "max_source_positions": 64,
    "max_target_positions": 64,
}

TWO_LAYERS = frozenset({"gpt2", "gpt_neo", "llama", "patchtsmixer", "t5"})
"""Model types that get two layers: some need them, others check that layers are not mixed up."""

CLASSES: dict[tuple[str, str], str] = {
    # (model type, task) -> class that no auto class maps to.
    ("siglip-text", "feature-extraction"): "SiglipTextModel",
}

RESNET = {
    "model_type": "resnet",
    "embedding_size": 8,
    "hidden_sizes": [8, 8, 16, 16],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
}

DETR = {
    "use_timm_backbone": False,
    # transformers 4 would fetch one.
    "use_pretrained_backbone": False,
    "backbone": None,
    "backbone_config": {**RESNET, "out_features": ["stage1", "stage2", "stage3", "stage4"]},
    "encoder_attention_heads": 8,
    "decoder_attention_heads": 8,
}
RT_DETR = {
    "anchor_image_size": [64, 64],
    "backbone_config": {
        "model_type": "rt_detr_resnet",
        "embedding_size": 8,
        "hidden_sizes": [8, 16, 24, 32],
        "depths": [1, 1, 1, 1],
        "layer_type": "basic",
        "out_features": ["stage2", "stage3", "stage4"],
    },
    "encoder_hidden_dim": 32,
    "encoder_in_channels": [16, 24, 32],
    "decoder_in_channels": [32, 32, 32],
    "decoder_layers": 2,
    "num_denoising": 0,
}
SWIN = {"image_size": 32, "patch_size": 4, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4}

BY_MODEL_TYPE: dict[str, dict[str, Any]] = {
    # Model type -> "config": fields that override the rules; "config_type": the model type of its config;
    # "attention": the attention implementation.
    "cvt": {
        "config": {
            "embed_dim": [16, 32, 48],
            "num_heads": [1, 2, 3],
            "depth": [1, 2, 3],
        }
    },
    "levit": {
        "config": {
            "image_size": 64,
            "patch_size": 16,
            "hidden_sizes": [32, 48, 64],
            "num_attention_heads": [2, 3, 4],
            "depths": [1, 1, 1],
            "key_dim": [16, 16, 16],
        }
    },
    # Without its noise two runs give the same.
    "vits": {"config": {"noise_scale": 0.0, "noise_scale_duration": 0.0}},
    "detr": {"config": DETR},
    "table-transformer": {"config": DETR},
    "swin": {"config": {**SWIN, "encoder_stride": 8}},
    "swinv2": {"config": {**SWIN, "encoder_stride": 8}},
    "donut-swin": {"config": SWIN},
    "swin2sr": {"config": {**SWIN, "image_size": 16, "patch_size": 1}},
    "dpt": {
        "config": {
            "num_hidden_layers": 4,
            "backbone_out_indices": [0, 1, 2, 3],
            "neck_hidden_sizes": [8, 16, 24, 32],
            "fusion_hidden_size": 16,
        }
    },
    "mobilevit": {"config": {"image_size": 64, "hidden_sizes": [144, 192, 240]}},
    "nemotron": {"config": {"num_key_value_heads": 2}},
    "efficientnet": {
        "config": {"width_coefficient": 0.25, "depth_coefficient": 0.2, "hidden_dim": 320, "initializer_range": 0.3}
    },
    "layoutlmv3": {"config": {"coordinate_size": 4, "shape_size": 8, "input_size": 32, "patch_size": 8}},
    "lilt": {"config": {"hidden_size": 48}},
    "wav2vec2-conformer": {"config": {"vocab_size": 32}},
    "moonshine": {"config": {"encoder_num_key_value_heads": 4, "decoder_num_key_value_heads": 4}},
    "vision-encoder-decoder": {"config": {"decoder": {"is_decoder": True, "add_cross_attention": True}}},
    "encoder-decoder": {"config": {"decoder": {"is_decoder": True, "add_cross_attention": True}}},
    "sam": {
        "config": {
            "vision_config": {
                "output_channels": 32,
                "image_size": 64,
                "patch_size": 8,
                "window_size": 4,
                "global_attn_indexes": [0],
                "num_pos_feats": 16,
            },
            "prompt_encoder_config": {"image_size": 64, "patch_size": 8, "image_embedding_size": 8},
            "mask_decoder_config": {"num_hidden_layers": 2, "iou_head_hidden_dim": 32},
        }
    },
    "siglip-text": {"config_type": "siglip_text_model"},
    "rt_detr": {"config": RT_DETR},
    "rt_detr_v2": {"config": RT_DETR},
    "d_fine": {
        "config": {
            **RT_DETR,
            "backbone_config": {
                "model_type": "hgnet_v2",
                "stem_channels": [3, 8, 8],
                "stage_in_channels": [8, 8, 16, 24],
                "stage_mid_channels": [8, 8, 8, 8],
                "stage_out_channels": [8, 16, 24, 32],
                "hidden_sizes": [8, 16, 24, 32],
                "stage_num_blocks": [1, 1, 1, 1],
                "stage_numb_of_layers": [1, 1, 1, 1],
                "depths": [1, 1, 1, 1],
                "out_features": ["stage2", "stage3", "stage4"],
            },
        }
    },
    "esm": {"config": {"vocab_size": 64, "pad_token_id": 1, "mask_token_id": 32}},
    "gpt_neo": {"config": {"attention_types": [[["global", "local"], 1]], "window_size": 8}},
    "deepseek_v3": {
        "config": {
            "kv_lora_rank": 16,
            "q_lora_rank": 24,
            "qk_nope_head_dim": 16,
            "qk_rope_head_dim": 8,
            "v_head_dim": 16,
            "n_group": 2,
            "topk_group": 1,
            "first_k_dense_replace": 1,
            "num_key_value_heads": 4,
        }
    },
}
