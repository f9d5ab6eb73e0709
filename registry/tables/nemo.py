"""Lists the families of NeMo models, by words in file names and tags. Pure data.

Source: the classes of NeMo 2.4 (`nemo/collections/*/models`), and the names of the `.nemo` files that NVIDIA publishes.
"""

from __future__ import annotations

_ASR, _TTS, _NLP = "nemo.collections.asr.models", "nemo.collections.tts.models", "nemo.collections.nlp.models"

NEMO_FAMILIES: tuple[tuple[tuple[str, ...], str, str, str], ...] = (
    # (words, task, module, class); the first family of which a word is there counts.
    (("sortformer",), "voice-activity-detection", _ASR, "SortformerEncLabelModel"),
    (("titanet", "speakerverification", "ecapa", "speakernet"), "audio-classification",
     _ASR, "EncDecSpeakerLabelModel"),
    (("langid", "ambernet"), "audio-classification", _ASR, "EncDecSpeakerLabelModel"),
    (("vad", "marblenet"), "voice-activity-detection", _ASR, "EncDecClassificationModel"),
    (("commandrecognition", "speechcommands"), "audio-classification", _ASR, "EncDecClassificationModel"),
    (("fastpitch",), "text-to-audio", _TTS, "FastPitchModel"),
    (("mixertts", "mixer-tts"), "text-to-audio", _TTS, "MixerTTSModel"),
    (("tacotron2", "tacotron"), "text-to-audio", _TTS, "Tacotron2Model"),
    (("radtts",), "text-to-audio", _TTS, "RadTTSModel"),
    (("vits",), "text-to-audio", _TTS, "VitsModel"),
    (("magpie", "magpietts"), "text-to-audio", _TTS, "MagpieTTSModel"),
    (("hifigan", "hifi-gan"), "text-to-audio", _TTS, "HifiGanModel"),
    (("univnet",), "text-to-audio", _TTS, "UnivNetModel"),
    (("waveglow",), "text-to-audio", _TTS, "WaveGlowModel"),
    (("aligner",), "text-to-audio", _TTS, "AlignerModel"),
    (("codec", "nanocodec"), "audio-to-audio", _TTS, "AudioCodecModel"),
    (("canary",), "automatic-speech-recognition", _ASR, "EncDecMultiTaskModel"),
    (("stt", "asr", "parakeet", "conformer", "fastconformer", "citrinet", "quartznet", "jasper", "contextnet",
      "squeezeformer"), "automatic-speech-recognition", _ASR, "ASRModel"),
    (("nmt", "machinetranslation"), "translation", f"{_NLP}.machine_translation", "MTEncDecModel"),
    (("punctuation",), "token-classification", _NLP, "PunctuationCapitalizationModel"),
    (("ner",), "token-classification", _NLP, "TokenClassificationModel"),
    (("retro",), "text-generation", f"{_NLP}.language_modeling.megatron_retrieval_model", "MegatronRetrievalModel"),
    (("t5", "mt5"), "text2text-generation", f"{_NLP}.language_modeling.megatron_t5_model", "MegatronT5Model"),
    (("gpt", "megatron", "nemotron", "llama", "mistral", "gemma", "mixtral"), "text-generation",
     f"{_NLP}.language_modeling.megatron_gpt_model", "MegatronGPTModel"),
)  # fmt: skip

NEMO_CLASSES: dict[str, tuple[str, str]] = {
    "automatic-speech-recognition": (_ASR, "ASRModel"),
}
"""Task -> (module, class) that restores any model for it; other tasks have no class in common."""

NEMO_ANY: tuple[str, str] = ("nemo.core", "ModelPT")
"""(module, class) that restores any `.nemo` file: it reads the model's own class from the file."""
