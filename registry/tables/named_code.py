"""Lists the names that a repo's files may use for code of the libraries themselves. Pure data.

Sources: `pipelines/` of diffusers 0.36 and 0.42 (its folders, as `model_index.json` names them), and LOADABLE_CLASSES
in `pipeline_loading_utils.py`; torch 2.13 `nn/modules`; peft 0.21 `auto.py` and `tuners/lora/config.py`.
"""

from __future__ import annotations

import re

COMPONENT_LIBRARIES = frozenset({"diffusers", "transformers"})
"""Packages whose classes may be components of a pipeline."""

PIPELINE_MODULES = frozenset(
    # As one text: a hundred quoted names would hide a missing comma.
    """
    ace_step allegro alt_diffusion amused animatediff anyflow audio_diffusion audioldm audioldm2 aura_flow
    blip_diffusion bria bria_fibo bria_fibo2 chroma chronoedit cogvideo cogview3 cogview4 consisid consistency_models
    controlnet controlnet_hunyuandit controlnet_sd3 controlnet_xs cosmos dance_diffusion ddim ddpm deepfloyd_if
    diffusion_gemma dit dreamlite easyanimate ernie_image flux flux2 glm_image helios hidream_image hunyuan_image
    hunyuan_video hunyuan_video1_5 hunyuandit i2vgen_xl ideogram4 joyimage kandinsky kandinsky2_2 kandinsky3 kandinsky5
    kandinsky6 kolors krea2 latent_consistency_models latent_diffusion latent_diffusion_uncond latte ledits_pp llada2
    longcat_audio_dit longcat_image ltx ltx2 lucy lumina lumina2 marigold mochi motif_video musicldm nucleusmoe_image
    omnigen ovis_image pag paint_by_example pia pixart_alpha pndm prx qwenimage qwenimage21 repaint rfd4_proteina sana
    sana_video sana_wm score_sde_ve semantic_stable_diffusion shap_e skyreels_v2 spectrogram_diffusion stable_audio
    stable_audio_3 stable_cascade stable_diffusion stable_diffusion_3 stable_diffusion_attend_and_excite
    stable_diffusion_diffedit stable_diffusion_gligen stable_diffusion_k_diffusion stable_diffusion_ldm3d
    stable_diffusion_panorama stable_diffusion_safe stable_diffusion_sag stable_diffusion_variants stable_diffusion_xl
    stable_video_diffusion stochastic_karras_ve t2i_adapter text_to_video_synthesis unclip unidiffuser
    versatile_diffusion visualcloze vq_diffusion wan wuerstchen z_image
    """.split()  # noqa: SIM905
)
"""Folders of `diffusers.pipelines`, whose own classes may be components too."""

PYLATE_MODULES = frozenset({"pylate.models.Dense.Dense"})
"""Module types of PyLate that sentence-transformers replaces by its own (6.2, multi_vector_encoder/model.py)."""

WORD_TOKENIZER = re.compile(r"sentence_transformers(?:\.\w+)*\.tokenizer(?:\.\w+)?\.(?:Whitespace|Phrase)Tokenizer")
"""Tokenizer classes of sentence-transformers' word embeddings, in every release's place."""

ACTIVATION = re.compile(r"torch\.nn(?:\.modules\.(?:activation|linear))?\.[A-Z][A-Za-z0-9]*")
"""Classes of torch that sentence-transformers calls without arguments."""

ATTENTION = re.compile(r"[A-Za-z0-9_-]+(?:\|[A-Za-z0-9_-]+)?")
"""Names of attention and expert functions in the library itself; a kernel on a Hub is "org/name"."""

ADAPTER_PARENTS = frozenset(
    {"diffusers", "peft", "sentence_transformers", "timm", "torch", "torchvision", "transformers"}
)
"""Packages that may have the class of an adapter's base model."""

UNIMPORTED_PARENTS = frozenset({"__main__", "transformers_modules"})
"""Where the base's class was in its author's script, or in the code of the base's repo. Nothing imports these."""

MEGATRON_CORE = "megatron.core"
"""The only module that an adapter may name for layers of Megatron."""
