"""Finds the tasks of diffusers pipelines that are in no Auto mapping. Pure.

Class names and the parameters of `__call__` decide the clear cases; `REVIEWED` has the classes that were decided by
reading docstring and `__call__` in diffusers 0.42.1. Tasks are the Hub's pipeline tags, and `inpainting`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

T2I, I2I, INPAINT = "text-to-image", "image-to-image", "inpainting"
T2V, I2V, V2V = "text-to-video", "image-to-video", "video-to-video"
T2A, A2A = "text-to-audio", "audio-to-audio"
UNCONDITIONAL = "unconditional-image-generation"

_NAME_RULES = (
    (re.compile(r"(?i)inpaint|FillPipeline"), INPAINT),
    (
        re.compile(r"Img2Img|I2IPipeline|ImageVariation|InstructPix2Pix|Upscale|SuperResolution|Edit(Plus)?Pipeline"),
        I2I,
    ),
    (re.compile(r"ImageToVideo|Image2Video|I2VPipeline"), I2V),
    (re.compile(r"VideoToVideo"), V2V),
    (re.compile(r"TextToVideo|T2VPipeline|^AnimateDiff"), T2V),
    (re.compile(r"TextToImage|T2IPipeline|^StableDiffusion(XL)?(Adapter|ControlNetXS)Pipeline"), T2I),
)

EXTRA_TASKS: Mapping[str, tuple[str, ...]] = {
    "HeliosPipeline": (T2V, I2V, V2V),
    "HeliosPyramidPipeline": (T2V, I2V, V2V),
    "Cosmos3OmniPipeline": (T2I, T2V, V2V),
    "GlmImagePipeline": (I2I,),
    "ZImageControlNetInpaintPipeline": (INPAINT,),
    "QwenImage21Pipeline": (I2I,),
    "ZImageOmniPipeline": (I2I,),
}
"""Further tasks of pipelines in the Auto mappings; those of the mappings come first."""

REVIEWED: Mapping[str, tuple[str, ...]] = {
    # no prompt: noise, or a class label, to an image
    "ConsistencyModelPipeline": (UNCONDITIONAL,),
    "DDIMPipeline": (UNCONDITIONAL,),
    "DDPMPipeline": (UNCONDITIONAL,),
    "DiTPipeline": (UNCONDITIONAL,),
    "KarrasVePipeline": (UNCONDITIONAL,),
    "LDMPipeline": (UNCONDITIONAL,),
    "PNDMPipeline": (UNCONDITIONAL,),
    "ScoreSdeVePipeline": (UNCONDITIONAL,),
    "RePaintPipeline": (INPAINT,),
    # a prompt, and images that only steer or edit
    "BlipDiffusionControlNetPipeline": (T2I, I2I),
    "BlipDiffusionPipeline": (T2I, I2I),
    "BriaFibo2Pipeline": (T2I, I2I),
    "DreamLiteMobilePipeline": (T2I, I2I),
    "DreamLitePipeline": (T2I, I2I),
    "Flux2KleinKVPipeline": (T2I, I2I),
    "OmniGenPipeline": (T2I, I2I),
    "UniDiffuserPipeline": (T2I, "image-to-text", UNCONDITIONAL),
    "VersatileDiffusionPipeline": (T2I, I2I),
    "VersatileDiffusionDualGuidedPipeline": (T2I, I2I),
    "VisualClozeGenerationPipeline": (I2I,),
    "VisualClozePipeline": (I2I,),
    "StableDiffusionGLIGENPipeline": (T2I,),
    "StableDiffusionGLIGENTextImagePipeline": (T2I,),
    "StableDiffusionLDM3DPipeline": ("text-to-3d", T2I),
    "StableDiffusionDiffEditPipeline": (I2I,),
    "StableDiffusionModelEditingPipeline": (T2I,),
    "StableDiffusionPix2PixZeroPipeline": (I2I,),
    "SemanticStableDiffusionPipeline": (T2I,),
    "StableDiffusionOnnxPipeline": (T2I,),
    # an image is needed
    "ChronoEditPipeline": (I2I, I2V),
    "CycleDiffusionPipeline": (I2I,),
    "FluxPriorReduxPipeline": (I2I,),
    "HunyuanImageRefinerPipeline": (I2I,),
    "LEditsPPPipelineStableDiffusion": (I2I,),
    "LEditsPPPipelineStableDiffusionXL": (I2I,),
    "PaintByExamplePipeline": (INPAINT, I2I),
    "StableDiffusionDepth2ImgPipeline": (I2I,),
    "MarigoldDepthPipeline": ("depth-estimation",),
    "MarigoldIntrinsicsPipeline": (I2I,),
    "MarigoldNormalsPipeline": (I2I,),
    # priors: a prompt to image embeddings; their repos have the tag of the whole pipeline
    "KandinskyPriorPipeline": (T2I,),
    "KandinskyV22ControlnetPipeline": (T2I, I2I),
    "KandinskyV22PriorEmb2EmbPipeline": (I2I, T2I),
    "KandinskyV22PriorPipeline": (T2I,),
    "StableCascadePriorPipeline": (T2I,),
    "WuerstchenPriorPipeline": (T2I,),
    # video
    "CogVideoXFunControlPipeline": (V2V, T2V),
    "ConsisIDPipeline": (I2V,),
    "Cosmos2VideoToWorldPipeline": (I2V, V2V),
    "Cosmos2_5_PredictBasePipeline": (T2V, I2V, V2V),
    "Cosmos2_5_TransferPipeline": (V2V,),
    "CosmosTextToWorldPipeline": (T2V,),
    "CosmosVideoToWorldPipeline": (V2V, I2V),
    "EasyAnimateControlPipeline": (V2V, T2V),
    "EasyAnimateInpaintPipeline": (I2V, V2V, T2V),
    "HunyuanVideoFramepackPipeline": (I2V,),
    "I2VGenXLPipeline": (I2V,),
    "Kandinsky6SRPipeline": (V2V,),
    "Kandinsky6TI2VAPipeline": (T2V, I2V),
    "LTX2ConditionPipeline": (I2V, T2V, V2V),
    "LTX2DFRPipeline": (T2V, I2V),
    "LTX2DFRTemporalRefinePipeline": (V2V,),
    "LTX2HDRPipeline": (V2V,),
    "LTX2InContextPipeline": (V2V, T2V, I2V),
    "LTX2LatentUpsamplePipeline": (V2V,),
    "LTX2VideoDiffusionDecodePipeline": (),
    "LTXConditionPipeline": (I2V, T2V, V2V),
    "LTXI2VLongMultiPromptPipeline": (I2V, T2V),
    "LTXLatentUpsamplePipeline": (V2V,),
    "LucyEditPipeline": (V2V,),
    "PIAPipeline": (I2V,),
    "SanaWMLTX2Refiner": (),
    "SanaWMPipeline": (I2V,),
    "StableVideoDiffusionPipeline": (I2V,),
    "VideoToVideoSDPipeline": (V2V,),
    "WanAnimatePipeline": (V2V, I2V),
    "WanVACEPipeline": (T2V, V2V, I2V),
    # sound
    "AceStepPipeline": (T2A, A2A),
    "AudioDiffusionPipeline": (T2A, A2A),
    "AudioLDMPipeline": (T2A,),
    "DanceDiffusionPipeline": (T2A,),
    "MusicLDMPipeline": (T2A,),
    "SpectrogramDiffusionPipeline": (T2A,),
    "StableAudio3AudioToAudioPipeline": (A2A, T2A),
    "StableAudio3InpaintPipeline": (A2A,),
    # modular pipelines whose blocks name no workflows
    "EchoModularPipeline": (T2V,),
    "MiniMaxMusic3ModularPipeline": (T2A,),
    "ModularPipeline": (),
    "QwenImageEditPlusModularPipeline": (I2I,),
    "QwenImageLayeredModularPipeline": (I2I,),
    "Wan22Image2VideoModularPipeline": (I2V,),
    "Wan22ModularPipeline": (T2V,),
    "Wan22VaceModularPipeline": (T2V, V2V, I2V),
    "WanAnimate2DistilledModularPipeline": (V2V, I2V),
    "WanAnimate2ModularPipeline": (V2V, I2V),
    "WanModularPipeline": (T2V,),
    # bases
    "DiffusionPipeline": (),
    # text, and things
    "DiffusionGemmaPipeline": ("text-generation", "image-text-to-text"),
    "LLaDA2Pipeline": ("text-generation",),
    "RFD4ProteinaPipeline": (),
    "ShapEImg2ImgPipeline": ("image-to-3d",),
    "ShapEPipeline": ("text-to-3d",),
}
"""Pipeline class -> its tasks, the main one first; empty for a processing step that no tag describes."""


_WORKFLOWS: Mapping[str, str | None] = {
    "text2image": T2I,
    "image2image": I2I,
    "img2img": I2I,
    "image_conditioned": I2I,
    "inpainting": INPAINT,
    "image_conditioned_inpainting": INPAINT,
    "text2video": T2V,
    "image2video": I2V,
    "video2video": V2V,
    "t2va": T2V,
    "fl2va": I2V,
    "flf2v": I2V,
    "ref2va": None,
    "condition": None,
    "in_context": None,
    "action_policy": None,
    "action_forward_dynamics": None,
    "action_inverse_dynamics": None,
}

WORKFLOW_TASKS: Mapping[str, str | None] = {
    f"{adapter}{prefix}{workflow}{suffix}": task
    for workflow, task in _WORKFLOWS.items()
    for adapter in ("", "ip_adapter_")
    for prefix in ("", "controlnet_", "controlnet_union_")
    for suffix in ("", "_with_sound")
}
"""Workflow of a modular pipeline's blocks -> its task; None where no tag fits and other workflows decide."""


def find_pipeline_tasks(name: str, parameters: Mapping[str, bool]) -> tuple[str, ...]:
    """The tasks of a pipeline, the main one first; empty where they are unknown.

    `parameters` are those of `__call__`: name -> whether it is required.
    """
    if name in REVIEWED:
        return REVIEWED[name]
    for pattern, task in _NAME_RULES:
        if pattern.search(name):
            return (task,)
    if parameters.keys() & {"num_frames", "video_length", "frames"}:
        return (I2V,) if parameters.get("image") else (T2V,)
    if "prompt" in parameters:
        return (I2I,) if parameters.get("image") else (T2I,)
    return ()
