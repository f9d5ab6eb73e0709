"""Lists the tasks that transformers publishes for its classes, and the registry's corrections to them."""

from __future__ import annotations

from registry.defaults import read_table

UPSTREAM: tuple[tuple[str, str], ...] = (
    # (pipeline tag, mapping); of the mappings with a class, the last counts.
    # Source: transformers, utils/update_metadata.py PIPELINE_TAGS_AND_AUTO_MODELS (2026), without "_MAPPING_NAMES".
    ("pretraining", "MODEL_FOR_PRETRAINING"),
    ("feature-extraction", "MODEL"),
    ("image-feature-extraction", "MODEL_FOR_IMAGE"),
    ("audio-classification", "MODEL_FOR_AUDIO_CLASSIFICATION"),
    ("text-generation", "MODEL_FOR_CAUSAL_LM"),
    ("automatic-speech-recognition", "MODEL_FOR_CTC"),
    ("image-classification", "MODEL_FOR_IMAGE_CLASSIFICATION"),
    ("image-segmentation", "MODEL_FOR_IMAGE_SEGMENTATION"),
    ("any-to-any", "MODEL_FOR_MULTIMODAL_LM"),
    ("image-text-to-text", "MODEL_FOR_IMAGE_TEXT_TO_TEXT"),
    ("fill-mask", "MODEL_FOR_MASKED_LM"),
    ("object-detection", "MODEL_FOR_OBJECT_DETECTION"),
    ("zero-shot-object-detection", "MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION"),
    ("question-answering", "MODEL_FOR_QUESTION_ANSWERING"),
    ("text2text-generation", "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM"),
    ("text-classification", "MODEL_FOR_SEQUENCE_CLASSIFICATION"),
    ("automatic-speech-recognition", "MODEL_FOR_SPEECH_SEQ_2_SEQ"),
    ("table-question-answering", "MODEL_FOR_TABLE_QUESTION_ANSWERING"),
    ("token-classification", "MODEL_FOR_TOKEN_CLASSIFICATION"),
    ("multiple-choice", "MODEL_FOR_MULTIPLE_CHOICE"),
    ("next-sentence-prediction", "MODEL_FOR_NEXT_SENTENCE_PREDICTION"),
    ("audio-frame-classification", "MODEL_FOR_AUDIO_FRAME_CLASSIFICATION"),
    ("audio-xvector", "MODEL_FOR_AUDIO_XVECTOR"),
    ("document-question-answering", "MODEL_FOR_DOCUMENT_QUESTION_ANSWERING"),
    ("visual-question-answering", "MODEL_FOR_VISUAL_QUESTION_ANSWERING"),
    ("zero-shot-image-classification", "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION"),
    ("depth-estimation", "MODEL_FOR_DEPTH_ESTIMATION"),
    ("video-classification", "MODEL_FOR_VIDEO_CLASSIFICATION"),
    ("mask-generation", "MODEL_FOR_MASK_GENERATION"),
    ("text-to-audio", "MODEL_FOR_TEXT_TO_SPECTROGRAM"),
    ("text-to-audio", "MODEL_FOR_TEXT_TO_WAVEFORM"),
    ("keypoint-matching", "MODEL_FOR_KEYPOINT_MATCHING"),
)

CORRECTED: dict[str, tuple[str, str]] = {
    # Architecture -> (upstream's task, ours).
    # transducers recognise speech; upstream has them as trunks only
    # Models that only translate.
    "FSMTForConditionalGeneration": ("text2text-generation", "translation"),
    "M2M100ForConditionalGeneration": ("text2text-generation", "translation"),
    "MarianMTModel": ("text2text-generation", "translation"),
    "Nemotron3_5AsrForRNNT": ("feature-extraction", "automatic-speech-recognition"),
    "NemotronAsrStreamingForRNNT": ("feature-extraction", "automatic-speech-recognition"),
    "ParakeetForRNNT": ("feature-extraction", "automatic-speech-recognition"),
    "ParakeetForTDT": ("feature-extraction", "automatic-speech-recognition"),
    # retrievers; upstream has them as pretraining heads only
    "ColModernVBertForRetrieval": ("pretraining", "visual-document-retrieval"),
    "ColPaliForRetrieval": ("pretraining", "visual-document-retrieval"),
    # output is text and speech; upstream has the speech
    "Qwen2_5OmniForConditionalGeneration": ("text-to-audio", "any-to-any"),
    "Qwen3OmniMoeForConditionalGeneration": ("text-to-audio", "any-to-any"),
}

MISSING_UPSTREAM: dict[str, tuple[str, ...]] = {
    # Task -> the architectures that are missing in upstream's table.
    "masked-im": (
        "DeiTForMaskedImageModeling",
        "FocalNetForMaskedImageModeling",
        "SwinForMaskedImageModeling",
        "Swinv2ForMaskedImageModeling",
        "ViTForMaskedImageModeling",
    ),
    "unconditional-image-generation": ("ImageGPTForCausalImageModeling",),
    "image-segmentation": (
        "BeitForSemanticSegmentation",
        "DPTForSemanticSegmentation",
        "Data2VecVisionForSemanticSegmentation",
        "EomtDinov3ForUniversalSegmentation",
        "EomtForUniversalSegmentation",
        "Mask2FormerForUniversalSegmentation",
        "MaskFormerForInstanceSegmentation",
        "MobileNetV2ForSemanticSegmentation",
        "MobileViTForSemanticSegmentation",
        "MobileViTV2ForSemanticSegmentation",
        "OneFormerForUniversalSegmentation",
        "RfDetrForInstanceSegmentation",
        "Sapiens2ForSemanticSegmentation",
        "SegformerForSemanticSegmentation",
        "Tipsv2DptForSemanticSegmentation",
        "UperNetForSemanticSegmentation",
        "VideomtForUniversalSegmentation",
    ),
    "text-recognition": (
        "PPOCRV5MobileRecForTextRecognition",
        "PPOCRV5ServerRecForTextRecognition",
        "PPOCRV6SmallRecForTextRecognition",
        "PPOCRV6TinyRecForTextRecognition",
    ),
    "table-recognition": (
        "SLANeXtForTableRecognition",
        "SLANetForTableRecognition",
    ),
    "image-feature-extraction": (
        "BeitBackbone",
        "BitBackbone",
        "ConvNextBackbone",
        "ConvNextV2Backbone",
        "DINOv3ConvNextBackbone",
        "DINOv3ViTBackbone",
        "DinatBackbone",
        "Dinov2Backbone",
        "Dinov2WithRegistersBackbone",
        "FocalNetBackbone",
        "HieraBackbone",
        "LwDetrViTBackbone",
        "MaskFormerSwinBackbone",
        "PPLCNetBackbone",
        "PPLCNetV3Backbone",
        "PPLCNetV4Backbone",
        "PixioBackbone",
        "PvtV2Backbone",
        "RTDetrResNetBackbone",
        "ResNetBackbone",
        "RfDetrDinov2Backbone",
        "Sapiens2Backbone",
        "SwinBackbone",
        "Swinv2Backbone",
        "TextNetBackbone",
        "Tipsv2VisionBackbone",
        "UVDocBackbone",
        "VitDetBackbone",
        "VitPoseBackbone",
    ),
    "keypoint-detection": (
        "Sapiens2ForPoseEstimation",
        "SuperPointForKeypointDetection",
        "VitPoseForPoseEstimation",
    ),
    "feature-extraction": (
        "Emu3TextModel",
        "MT5EncoderModel",
        "MllamaTextModel",
        "T5EncoderModel",
        "T5GemmaEncoderModel",
        "UMT5EncoderModel",
    ),
    "time-series-classification": (
        "PatchTSMixerForTimeSeriesClassification",
        "PatchTSTForClassification",
    ),
    "time-series-regression": (
        "PatchTSMixerForRegression",
        "PatchTSTForRegression",
    ),
    "time-series-forecasting": (
        "TimesFm2_5ModelForPrediction",
        "TimesFmModelForPrediction",
    ),
    "image-to-image": ("Swin2SRForImageSuperResolution",),
    "decision": ("JevForDecision",),
    "image-matting": (
        "Sapiens2ForImageMatting",
        "VitMatteForImageMatting",
    ),
    "normal-estimation": (
        "Sapiens2ForNormalEstimation",
        "Tipsv2DptForNormalEstimation",
    ),
    "pointmap-estimation": ("Sapiens2ForPointmapEstimation",),
}


def list_mapped_architectures() -> dict[str, set[str]]:
    """Architecture -> the model types that a mapping has it for."""
    found: dict[str, set[str]] = {}
    for models in read_table("transformers")["mappings"].values():
        for model_type, architectures in models.items():
            for architecture in architectures:
                found.setdefault(architecture, set()).add(model_type)
    return found


def read_upstream_tasks() -> dict[str, str]:
    """Architecture -> the task that upstream publishes for it."""
    mappings = read_table("transformers")["mappings"]
    return {
        architecture: task
        for task, mapping in UPSTREAM
        for architectures in mappings[f"{mapping}_MAPPING_NAMES"].values()
        for architecture in architectures
    }


def read_expected_tasks() -> dict[str, str]:
    """Architecture -> its expected task (upstream's, or our correction), for every class that transformers maps."""
    missing = {name: task for task, names in MISSING_UPSTREAM.items() for name in names}
    corrected = {name: ours for name, (_, ours) in CORRECTED.items()}
    return {**missing, **read_upstream_tasks(), **corrected}
