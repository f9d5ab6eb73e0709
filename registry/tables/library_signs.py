"""Lists signs in `config.json` by which a library other than transformers is known. Pure data.

Sources: the saving code of each library, and the `config.json` of its published models.
"""

from __future__ import annotations

LIBRARY_BY_KEYS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("sklearn",), "sklearn"),
    (("chronos_config",), "chronos_forecasting"),
    (("mimi_name",), "moshi"),
    (("moshi_name",), "moshi"),
    (("span_mode", "max_width"), "gliner"),
    (("counting_layer", "token_pooling"), "gliner2"),
    (("input_features", "output_features", "type"), "lerobot"),
    (("istftnet", "plbert"), "kokoro"),
    (("ssm_cfg", "d_model", "n_layer"), "mamba_ssm"),
    (("policy_class", "policy_kwargs"), "stable_baselines3"),
    (("alignment_heads", "lang_ids", "suppress_ids"), "ctranslate2"),
    (("layer_norm_epsilon", "multi_query_attention", "unk_token"), "ctranslate2"),
    (("add_source_bos", "add_source_eos", "decoder_start_token"), "ctranslate2"),
)
"""(keys that a config has all together, library); a key alone must be one that no other library uses."""

LIBRARY_BY_MODEL_TYPE: dict[str, str] = {
    "gliner": "gliner",
    "extractor": "gliner2",
    "bagel": "bagel_mot",
    "tinytimemixer": "granite_tsfm",
    "tspulse": "granite_tsfm",
    "hibiki": "moshi",
    "stt": "moshi",
    "ernierna": "multimolecule",
    "rinalmo": "multimolecule",
    "rnabert": "multimolecule",
    "rnaernie": "multimolecule",
    "rnafm": "multimolecule",
    "rnamsm": "multimolecule",
    "splicebert": "multimolecule",
    "utrbert": "multimolecule",
    "utrlm": "multimolecule",
}
"""`model_type` that transformers does not know -> library."""

TOOLS: frozenset[str] = frozenset(
    {
        "pytorch",
        "safetensors",
        "vllm",
        "sglang",
        "unsloth",
        "trl",
        "axolotl",
        "llmcompressor",
        "model optimizer",
        "modelopt",
        "auto-round",
        "tgi",
        "text-generation-inference",
    }
)
"""Names in `library_name`, in lower case, of programs that write or run transformers' files: no libraries."""
