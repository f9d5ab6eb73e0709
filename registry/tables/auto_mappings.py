"""Lists the task of each auto mapping of transformers, in order: of the mappings with a class, the last counts.

Source: the table that transformers publishes its metadata from (`utils/update_metadata.py`, 2026), in its order.
Mappings that are missing there are placed so that they do not override one that it has, except in rows marked
"better": there the mapping is more precise than the table.
"""

from __future__ import annotations

AUTO_MAPPINGS: tuple[tuple[str, str, str | None], ...] = (
    # (task, mapping, auto class; None where transformers has no auto class for the mapping)
    ("pretraining", "MODEL_FOR_PRETRAINING_MAPPING_NAMES", "AutoModelForPreTraining"),
    ("image-feature-extraction", "MODEL_FOR_BACKBONE_MAPPING_NAMES", "AutoBackbone"),
    ("feature-extraction", "MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES", "AutoModelForTextEncoding"),
    ("audio-tokenization", "MODEL_FOR_AUDIO_TOKENIZATION_NAMES", "AutoModelForAudioTokenization"),
    ("feature-extraction", "MODEL_MAPPING_NAMES", "AutoModel"),
    ("image-feature-extraction", "MODEL_FOR_IMAGE_MAPPING_NAMES", "AutoModel"),
    ("masked-im", "MODEL_FOR_MASKED_IMAGE_MODELING_MAPPING_NAMES", "AutoModelForMaskedImageModeling"),
    ("unconditional-image-generation", "MODEL_FOR_CAUSAL_IMAGE_MODELING_MAPPING_NAMES", None),
    ("audio-classification", "MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES", "AutoModelForAudioClassification"),
    ("decision", "MODEL_FOR_DECISION_MAPPING_NAMES", "AutoModelForDecision"),
    ("text-generation", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "AutoModelForCausalLM"),
    ("automatic-speech-recognition", "MODEL_FOR_CTC_MAPPING_NAMES", "AutoModelForCTC"),
    # better: transducers are speech recognisers; the table has them as trunks only
    ("automatic-speech-recognition", "MODEL_FOR_RNNT_MAPPING_NAMES", "AutoModelForRNNT"),
    ("automatic-speech-recognition", "MODEL_FOR_TDT_MAPPING_NAMES", "AutoModelForTDT"),
    ("image-classification", "MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES", "AutoModelForImageClassification"),
    ("image-segmentation", "MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES", "AutoModelForSemanticSegmentation"),
    ("image-segmentation", "MODEL_FOR_INSTANCE_SEGMENTATION_MAPPING_NAMES", "AutoModelForInstanceSegmentation"),
    ("image-segmentation", "MODEL_FOR_UNIVERSAL_SEGMENTATION_MAPPING_NAMES", "AutoModelForUniversalSegmentation"),
    ("image-segmentation", "MODEL_FOR_IMAGE_SEGMENTATION_MAPPING_NAMES", "AutoModelForImageSegmentation"),
    # better: the table has retrievers as pretraining heads only
    ("visual-document-retrieval", "MODEL_FOR_RETRIEVAL_MAPPING_NAMES", None),
    ("any-to-any", "MODEL_FOR_MULTIMODAL_LM_MAPPING_NAMES", "AutoModelForMultimodalLM"),
    ("image-text-to-text", "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES", "AutoModelForImageTextToText"),
    ("image-to-image", "MODEL_FOR_IMAGE_TO_IMAGE_MAPPING_NAMES", "AutoModelForImageToImage"),
    ("fill-mask", "MODEL_FOR_MASKED_LM_MAPPING_NAMES", "AutoModelForMaskedLM"),
    ("object-detection", "MODEL_FOR_OBJECT_DETECTION_MAPPING_NAMES", "AutoModelForObjectDetection"),
    (
        "zero-shot-object-detection",
        "MODEL_FOR_ZERO_SHOT_OBJECT_DETECTION_MAPPING_NAMES",
        "AutoModelForZeroShotObjectDetection",
    ),
    ("question-answering", "MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES", "AutoModelForQuestionAnswering"),
    ("text2text-generation", "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES", "AutoModelForSeq2SeqLM"),
    ("text-classification", "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES", "AutoModelForSequenceClassification"),
    ("automatic-speech-recognition", "MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES", "AutoModelForSpeechSeq2Seq"),
    (
        "table-question-answering",
        "MODEL_FOR_TABLE_QUESTION_ANSWERING_MAPPING_NAMES",
        "AutoModelForTableQuestionAnswering",
    ),
    ("token-classification", "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES", "AutoModelForTokenClassification"),
    ("multiple-choice", "MODEL_FOR_MULTIPLE_CHOICE_MAPPING_NAMES", "AutoModelForMultipleChoice"),
    (
        "next-sentence-prediction",
        "MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING_NAMES",
        "AutoModelForNextSentencePrediction",
    ),
    (
        "audio-frame-classification",
        "MODEL_FOR_AUDIO_FRAME_CLASSIFICATION_MAPPING_NAMES",
        "AutoModelForAudioFrameClassification",
    ),
    ("audio-xvector", "MODEL_FOR_AUDIO_XVECTOR_MAPPING_NAMES", "AutoModelForAudioXVector"),
    (
        "document-question-answering",
        "MODEL_FOR_DOCUMENT_QUESTION_ANSWERING_MAPPING_NAMES",
        "AutoModelForDocumentQuestionAnswering",
    ),
    (
        "visual-question-answering",
        "MODEL_FOR_VISUAL_QUESTION_ANSWERING_MAPPING_NAMES",
        "AutoModelForVisualQuestionAnswering",
    ),
    (
        "zero-shot-image-classification",
        "MODEL_FOR_ZERO_SHOT_IMAGE_CLASSIFICATION_MAPPING_NAMES",
        "AutoModelForZeroShotImageClassification",
    ),
    ("depth-estimation", "MODEL_FOR_DEPTH_ESTIMATION_MAPPING_NAMES", "AutoModelForDepthEstimation"),
    ("video-classification", "MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES", "AutoModelForVideoClassification"),
    ("mask-generation", "MODEL_FOR_MASK_GENERATION_MAPPING_NAMES", "AutoModelForMaskGeneration"),
    ("text-to-audio", "MODEL_FOR_TEXT_TO_SPECTROGRAM_MAPPING_NAMES", "AutoModelForTextToSpectrogram"),
    ("text-to-audio", "MODEL_FOR_TEXT_TO_WAVEFORM_MAPPING_NAMES", "AutoModelForTextToWaveform"),
    ("keypoint-detection", "MODEL_FOR_KEYPOINT_DETECTION_MAPPING_NAMES", "AutoModelForKeypointDetection"),
    ("keypoint-detection", "MODEL_FOR_POSE_ESTIMATION_MAPPING_NAMES", "AutoModelForPoseEstimation"),
    ("keypoint-matching", "MODEL_FOR_KEYPOINT_MATCHING_MAPPING_NAMES", "AutoModelForKeypointMatching"),
    ("text-recognition", "MODEL_FOR_TEXT_RECOGNITION_MAPPING_NAMES", "AutoModelForTextRecognition"),
    ("table-recognition", "MODEL_FOR_TABLE_RECOGNITION_MAPPING_NAMES", "AutoModelForTableRecognition"),
    ("image-matting", "MODEL_FOR_IMAGE_MATTING_MAPPING_NAMES", "AutoModelForImageMatting"),
    ("normal-estimation", "MODEL_FOR_NORMAL_ESTIMATION_MAPPING_NAMES", "AutoModelForNormalEstimation"),
    ("pointmap-estimation", "MODEL_FOR_POINTMAP_ESTIMATION_MAPPING_NAMES", "AutoModelForPointmapEstimation"),
    ("time-series-forecasting", "MODEL_FOR_TIME_SERIES_PREDICTION_MAPPING_NAMES", "AutoModelForTimeSeriesPrediction"),
    ("time-series-classification", "MODEL_FOR_TIME_SERIES_CLASSIFICATION_MAPPING_NAMES", None),
    ("time-series-regression", "MODEL_FOR_TIME_SERIES_REGRESSION_MAPPING_NAMES", None),
)

REMOVED_MAPPINGS: tuple[tuple[str, str, str | None], ...] = (
    # Mappings that transformers 5 removed; they are looked up after all mappings above.
    ("fill-mask", "MODEL_WITH_LM_HEAD_MAPPING_NAMES", None),
    ("image-to-text", "MODEL_FOR_VISION_2_SEQ_MAPPING_NAMES", "AutoModelForVision2Seq"),
)

MAIN_TASKS: dict[str, str] = {
    # Input is text, images, audio and video, output is text and speech; its last mapping is that of speech.
    "Qwen2_5OmniForConditionalGeneration": "any-to-any",
    "Qwen3OmniMoeForConditionalGeneration": "any-to-any",
}
"""Architecture -> its main task, where the order of the mappings gives a worse one."""

ONLY_TASKS: dict[str, str] = {
    "FSMTForConditionalGeneration": "translation",
    "M2M100ForConditionalGeneration": "translation",
    "MarianMTModel": "translation",
}
"""Architecture -> the only kind of its main task that its models serve, which counts where no tag names one."""

CUSTOM_CLASSES: dict[str, tuple[tuple[str, str], ...]] = {
    # Architecture in no auto mapping -> the tasks that it serves, as (task, model type); its own class loads it.
    # transformers 5.23, models/<folder>/modeling_<folder>.py
    "AutoformerForPrediction": (("time-series-forecasting", "autoformer"),),
    "BeitForMaskedImageModeling": (("masked-im", "beit"),),
    "BlipForImageTextRetrieval": (("text-retrieval", "blip"),),
    "BridgeTowerForMaskedLM": (("fill-mask", "bridgetower"),),
    "CLIPSegForImageSegmentation": (("image-segmentation", "clipseg"),),
    "CLIPTextModelWithProjection": (("feature-extraction", "clip_text_model"),),
    "CLIPVisionModelWithProjection": (("image-feature-extraction", "clip_vision_model"),),
    "ConditionalDetrForSegmentation": (("image-segmentation", "conditional_detr"),),
    "DPRContextEncoder": (("feature-extraction", "dpr"),),
    "DPRReader": (("question-answering", "dpr"),),
    "EsmForProteinFolding": (("feature-extraction", "esm"),),
    "FlaubertForQuestionAnswering": (("question-answering", "flaubert"),),
    "GPT2DoubleHeadsModel": (("multiple-choice", "gpt2"), ("text-generation", "gpt2")),
    "InformerForPrediction": (("time-series-forecasting", "informer"),),
    "LukeForEntityClassification": (("token-classification", "luke"),),
    "LukeForEntityPairClassification": (("token-classification", "luke"),),
    "LukeForEntitySpanClassification": (("token-classification", "luke"),),
    "NeoMMEForRetrieval": (("visual-document-retrieval", "neomme"),),
    "OpenAIGPTDoubleHeadsModel": (("multiple-choice", "openai-gpt"), ("text-generation", "openai-gpt")),
    "PatchTSMixerForPrediction": (("time-series-forecasting", "patchtsmixer"),),
    "PatchTSTForPrediction": (("time-series-forecasting", "patchtst"),),
    "RagSequenceForGeneration": (("question-answering", "rag"), ("text2text-generation", "rag")),
    "RagTokenForGeneration": (("question-answering", "rag"), ("text2text-generation", "rag")),
    "SeamlessM4TForSpeechToSpeech": (("audio-to-audio", "seamless_m4t"),),
    "SeamlessM4Tv2ForSpeechToSpeech": (("audio-to-audio", "seamless_m4t_v2"),),
    # One model for several tasks; the mappings have it as a trunk.
    "SeamlessM4TModel": (
        ("text-to-audio", "seamless_m4t"),
        ("text2text-generation", "seamless_m4t"),
        ("automatic-speech-recognition", "seamless_m4t"),
    ),
    "SeamlessM4Tv2Model": (
        ("text-to-audio", "seamless_m4t_v2"),
        ("text2text-generation", "seamless_m4t_v2"),
        ("automatic-speech-recognition", "seamless_m4t_v2"),
    ),
    "SegGptForImageSegmentation": (("image-segmentation", "seggpt"),),
    "SpeechT5ForSpeechToSpeech": (("audio-to-audio", "speecht5"),),
    "TimeSeriesTransformerForPrediction": (("time-series-forecasting", "time_series_transformer"),),
    "TvpForVideoGrounding": (("video-text-to-text", "tvp"),),
    "ViltForMaskedLM": (("fill-mask", "vilt"),),
    "ViltForTokenClassification": (("token-classification", "vilt"),),
    "VisualBertForMultipleChoice": (("multiple-choice", "visual_bert"),),
    "VisualBertForQuestionAnswering": (
        ("question-answering", "visual_bert"),
        ("visual-question-answering", "visual_bert"),
    ),
    "XLMForQuestionAnswering": (("question-answering", "xlm"),),
    "XLNetForQuestionAnswering": (("question-answering", "xlnet"),),
    "MoshiForConditionalGeneration": (("audio-to-audio", "moshi"),),
    # Tasks beside those of the auto mappings (optimum 2.3, exporters/tasks.py _CUSTOM_CLASSES).
    "VisionEncoderDecoderModel": (
        ("document-question-answering", "vision-encoder-decoder"),
        ("image-to-text", "vision-encoder-decoder"),
    ),
    "Pix2StructForConditionalGeneration": (
        ("visual-question-answering", "pix2struct"),
        ("image-to-text", "pix2struct"),
    ),
    "ColPaliForRetrieval": (("feature-extraction", "colpali"),),
}
