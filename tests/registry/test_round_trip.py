"""Every class that transformers maps, from its name and model type alone: the class that loads it, and its task.

The tasks are compared with the table that transformers publishes its metadata from.
"""

from __future__ import annotations

import pytest

from registry.decide import decide
from registry.registry import default_registry
from registry.tables.read import read_table
from tests.registry.given import repo

UPSTREAM: tuple[tuple[str, str], ...] = (
    # (pipeline tag, mapping), of the mappings that hold a class the last counts.
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

BETTER: dict[str, tuple[str, str]] = {
    # Architecture -> (upstream's task, ours).
    # transducers recognise speech; upstream knows them as trunks only
    "Nemotron3_5AsrForRNNT": ("feature-extraction", "automatic-speech-recognition"),
    "NemotronAsrStreamingForRNNT": ("feature-extraction", "automatic-speech-recognition"),
    "ParakeetForRNNT": ("feature-extraction", "automatic-speech-recognition"),
    "ParakeetForTDT": ("feature-extraction", "automatic-speech-recognition"),
    # retrievers; upstream knows them as pretraining heads only
    "ColModernVBertForRetrieval": ("pretraining", "visual-document-retrieval"),
    "ColPaliForRetrieval": ("pretraining", "visual-document-retrieval"),
    # answers in text and speech; upstream ends with the speech
    "Qwen2_5OmniForConditionalGeneration": ("text-to-audio", "any-to-any"),
    "Qwen3OmniMoeForConditionalGeneration": ("text-to-audio", "any-to-any"),
}

UNNAMED: dict[str, tuple[str, ...]] = {
    # Task -> the architectures that upstream's table does not name at all.
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


def _mapped() -> dict[str, set[str]]:
    """Architecture -> the model types that some mapping holds it for."""
    found: dict[str, set[str]] = {}
    for models in read_table("transformers")["mappings"].values():
        for model_type, architectures in models.items():
            for architecture in architectures:
                found.setdefault(architecture, set()).add(model_type)
    return found


MAPPED = _mapped()


def _upstream_tasks() -> dict[str, str]:
    mappings = read_table("transformers")["mappings"]
    return {
        architecture: task
        for task, mapping in UPSTREAM
        for architectures in mappings[f"{mapping}_MAPPING_NAMES"].values()
        for architecture in architectures
    }


def test_all_classes_of_the_release_are_there() -> None:
    assert read_table("transformers")["version"] == "5.23.0"
    assert len(MAPPED) == 1547


def test_each_class_is_loaded_by_itself_or_by_an_auto_class_that_maps_to_it() -> None:
    table = read_table("transformers")
    wrong = []
    for architecture, model_types in MAPPED.items():
        for model_type in model_types:
            model_class = decide(repo(architecture, model_type), default_registry()).model_class
            mapping = table["mappings"].get(table["auto_classes"].get(model_class, ""), {})
            if model_class != architecture and architecture not in mapping.get(model_type, ()):
                wrong.append((architecture, model_type, model_class))

    assert wrong == []


def test_each_task_is_upstreams_or_a_better_one() -> None:
    upstream = _upstream_tasks()
    differing: dict[str, tuple[str, str]] = {}
    unnamed: dict[str, set[str]] = {}
    for architecture, model_types in MAPPED.items():
        for model_type in model_types:
            task = decide(repo(architecture, model_type), default_registry()).task
            assert task is not None
            if architecture not in upstream:
                unnamed.setdefault(task, set()).add(architecture)
            elif task != upstream[architecture]:
                differing[architecture] = (upstream[architecture], task)

    assert differing == BETTER
    assert unnamed == {task: set(names) for task, names in UNNAMED.items()}


@pytest.mark.parametrize("framework", ["tf", "flax"])
def test_each_class_of_another_framework_is_loaded_by_itself_or_its_auto_class(framework: str) -> None:
    table = read_table("transformers")
    mappings, auto_classes = table[framework], table[f"{framework}_auto_classes"]
    count = 0
    for models in mappings.values():
        for model_type, architectures in models.items():
            for architecture in architectures:
                decision = decide(repo(architecture, model_type, names=()), default_registry())
                mapping = mappings.get(auto_classes.get(decision.model_class, ""), {})
                assert decision.model_class == architecture or architecture in mapping[model_type]
                assert (decision.framework, decision.task is None) == (framework, False)
                count += 1

    assert count > 100


def test_a_removed_class_still_has_its_task_and_the_release_that_had_it_last() -> None:
    removed = {
        architecture: until
        for models in read_table("transformers")["removed"].values()
        for architectures in models.values()
        for architecture, until in architectures.items()
        if architecture not in MAPPED
    }

    assert len(removed) > 40
    for architecture, until in removed.items():
        decision = decide(repo(architecture), default_registry())
        assert decision.task is not None, architecture
        assert any("until" in note and until in note for note in decision.notes), (architecture, decision.notes)
