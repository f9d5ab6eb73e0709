"""Tiny real models of transformers, one of each kind that an auto class loads, and what to give each to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import transformers as t

Inputs = dict[str, Any]

TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
BERT = {**TEXT, "vocab_size": 60}
VISION = {**TEXT, "image_size": 16, "patch_size": 8}
SPEECH = {
    **TEXT,
    "vocab_size": 20,
    "conv_dim": (8, 8),
    "conv_kernel": (10, 3),
    "conv_stride": (5, 2),
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "mask_time_prob": 0.0,
    "num_feat_extract_layers": 2,
}
MARIAN = {
    "vocab_size": 60,
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
}


@dataclass(frozen=True, slots=True)
class Family:
    """`auto_class` is what the resolver is to name; `inputs` are what the model's forward takes."""

    architecture: str
    auto_class: str
    task: str
    config: Callable[[], Any]
    inputs: Callable[[], Inputs]

    def build(self) -> Any:
        """A model with weights of its own, in eval mode."""
        return getattr(t, self.architecture)(self.config()).eval()


def words(*, decoder: bool = False, **more: Any) -> Inputs:
    ids = torch.tensor([[2, 5, 7, 9, 3]])
    return {"input_ids": ids, **({"decoder_input_ids": ids} if decoder else {}), **more}


def pixels(size: int = 16, **more: Any) -> Inputs:
    return {"pixel_values": torch.linspace(-1, 1, 3 * size * size).reshape(1, 3, size, size), **more}


def sound() -> Inputs:
    return {"input_values": torch.sin(torch.arange(400.0) / 7)[None]}


def bert() -> Any:
    return t.BertConfig(**BERT)


def vit() -> Any:
    return t.ViTConfig(**VISION)


def wav2vec2() -> Any:
    return t.Wav2Vec2Config(**SPEECH, tdnn_dim=(8, 8), tdnn_kernel=(3, 1), tdnn_dilation=(1, 1), xvector_output_dim=8)


def clip() -> Any:
    return t.CLIPConfig(
        text_config={**BERT, "projection_dim": 8, "bos_token_id": 0, "eos_token_id": 1},
        vision_config=VISION,
        projection_dim=8,
    )


def llama(**more: Any) -> Any:
    return t.LlamaConfig(**BERT, num_key_value_heads=1, max_position_embeddings=64, **more)


def llava() -> Any:
    vision = t.CLIPVisionConfig(**{**VISION, "num_hidden_layers": 2})
    return t.LlavaConfig(vision_config=vision, text_config=llama(), image_token_id=50, image_token_index=50)


def encoder_decoder() -> Any:
    decoder = t.BertConfig(**BERT, is_decoder=True, add_cross_attention=True)
    return t.VisionEncoderDecoderConfig.from_encoder_decoder_configs(vit(), decoder)


def words_and_pixels() -> Inputs:
    return {**words(), **pixels()}


FAMILIES = (
    Family("BertModel", "AutoModel", "feature-extraction", bert, words),
    Family("BertForMaskedLM", "AutoModelForMaskedLM", "fill-mask", bert, words),
    Family("BertForPreTraining", "AutoModelForPreTraining", "pretraining", bert, words),
    Family("BertForSequenceClassification", "AutoModelForSequenceClassification", "text-classification", bert, words),
    Family("BertForTokenClassification", "AutoModelForTokenClassification", "token-classification", bert, words),
    Family("BertForQuestionAnswering", "AutoModelForQuestionAnswering", "question-answering", bert, words),
    Family(
        "BertForMultipleChoice",
        "AutoModelForMultipleChoice",
        "multiple-choice",
        bert,
        lambda: {"input_ids": torch.tensor([[[2, 5, 3], [2, 7, 3]]])},
    ),
    Family(
        "BertForNextSentencePrediction",
        "AutoModelForNextSentencePrediction",
        "next-sentence-prediction",
        bert,
        words,
    ),
    Family("LlamaForCausalLM", "AutoModelForCausalLM", "text-generation", llama, words),
    Family(
        "GPT2LMHeadModel",
        "AutoModelForCausalLM",
        "text-generation",
        lambda: t.GPT2Config(
            vocab_size=60, n_embd=16, n_layer=1, n_head=2, n_positions=32, bos_token_id=1, eos_token_id=1
        ),
        words,
    ),
    Family(
        "T5ForConditionalGeneration",
        "AutoModelForSeq2SeqLM",
        "text2text-generation",
        lambda: t.T5Config(vocab_size=60, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2),
        lambda: words(decoder=True),
    ),
    Family(
        "MarianMTModel",
        "AutoModelForSeq2SeqLM",
        "text2text-generation",
        lambda: t.MarianConfig(**MARIAN, pad_token_id=0, decoder_start_token_id=0, max_position_embeddings=32),
        lambda: words(decoder=True),
    ),
    Family("ViTModel", "AutoModel", "image-feature-extraction", vit, pixels),
    Family("ViTForImageClassification", "AutoModelForImageClassification", "image-classification", vit, pixels),
    Family("ViTForMaskedImageModeling", "AutoModelForMaskedImageModeling", "masked-im", vit, pixels),
    Family(
        "YolosForObjectDetection",
        "AutoModelForObjectDetection",
        "object-detection",
        lambda: t.YolosConfig(**{**VISION, "image_size": [16, 16]}, num_detection_tokens=2),
        pixels,
    ),
    Family(
        "OwlViTForObjectDetection",
        "AutoModelForZeroShotObjectDetection",
        "zero-shot-object-detection",
        lambda: t.OwlViTConfig(
            text_config={**BERT, "bos_token_id": 0, "eos_token_id": 1}, vision_config=VISION, projection_dim=16
        ),
        words_and_pixels,
    ),
    Family(
        "SegformerForSemanticSegmentation",
        "AutoModelForSemanticSegmentation",
        "image-segmentation",
        lambda: t.SegformerConfig(
            depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 8, 8], num_attention_heads=[1, 1, 1, 1], decoder_hidden_size=8
        ),
        lambda: pixels(32),
    ),
    Family(
        "DPTForDepthEstimation",
        "AutoModelForDepthEstimation",
        "depth-estimation",
        lambda: t.DPTConfig(
            **{**VISION, "num_hidden_layers": 4},
            backbone_out_indices=[0, 1, 2, 3],
            neck_hidden_sizes=[8, 8, 8, 8],
            fusion_hidden_size=8,
        ),
        pixels,
    ),
    Family(
        "Swin2SRForImageSuperResolution",
        "AutoModelForImageToImage",
        "image-to-image",
        lambda: t.Swin2SRConfig(image_size=16, embed_dim=8, depths=[1], num_heads=[2], window_size=8, upscale=2),
        pixels,
    ),
    Family(
        "SuperPointForKeypointDetection",
        "AutoModelForKeypointDetection",
        "keypoint-detection",
        lambda: t.SuperPointConfig(
            encoder_hidden_sizes=[8, 8, 8, 8], decoder_hidden_size=8, descriptor_decoder_dim=8, keypoint_decoder_dim=65
        ),
        lambda: pixels(32),
    ),
    Family(
        "VideoMAEForVideoClassification",
        "AutoModelForVideoClassification",
        "video-classification",
        lambda: t.VideoMAEConfig(**VISION, num_frames=2, tubelet_size=2, decoder_hidden_size=16),
        lambda: {"pixel_values": torch.linspace(-1, 1, 2 * 3 * 256).reshape(1, 2, 3, 16, 16)},
    ),
    Family("Wav2Vec2ForCTC", "AutoModelForCTC", "automatic-speech-recognition", wav2vec2, sound),
    Family(
        "Wav2Vec2ForSequenceClassification", "AutoModelForAudioClassification", "audio-classification", wav2vec2, sound
    ),
    Family(
        "Wav2Vec2ForAudioFrameClassification",
        "AutoModelForAudioFrameClassification",
        "audio-frame-classification",
        wav2vec2,
        sound,
    ),
    Family("Wav2Vec2ForXVector", "AutoModelForAudioXVector", "audio-xvector", wav2vec2, sound),
    Family(
        "WhisperForConditionalGeneration",
        "AutoModelForSpeechSeq2Seq",
        "automatic-speech-recognition",
        lambda: t.WhisperConfig(
            **MARIAN,
            num_mel_bins=8,
            max_source_positions=20,
            max_target_positions=20,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=3,
            suppress_tokens=None,
            begin_suppress_tokens=None,
        ),
        lambda: {
            "input_features": torch.linspace(-1, 1, 320).reshape(1, 8, 40),
            "decoder_input_ids": torch.tensor([[3, 5, 7]]),
        },
    ),
    Family(
        "VitsModel",
        "AutoModelForTextToWaveform",
        "text-to-audio",
        lambda: t.VitsConfig(
            vocab_size=20,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            ffn_dim=8,
            flow_size=8,
            spectrogram_bins=9,
            upsample_initial_channel=16,
            upsample_rates=[8, 8],
            upsample_kernel_sizes=[16, 16],
            resblock_kernel_sizes=[3],
            resblock_dilation_sizes=[[1]],
            prior_encoder_num_flows=1,
            posterior_encoder_num_wavenet_layers=1,
            prior_encoder_num_wavenet_layers=1,
            duration_predictor_num_flows=1,
            noise_scale=0.0,
            noise_scale_duration=0.0,
        ),
        words,
    ),
    Family(
        "CLIPModel", "AutoModelForZeroShotImageClassification", "zero-shot-image-classification", clip, words_and_pixels
    ),
    Family(
        "LlavaForConditionalGeneration",
        "AutoModelForImageTextToText",
        "image-text-to-text",
        llava,
        lambda: {"input_ids": torch.tensor([[2, 50, 50, 50, 50, 7]]), **pixels()},
    ),
    Family(
        "VisionEncoderDecoderModel",
        "AutoModelForImageTextToText",
        "image-text-to-text",
        encoder_decoder,
        lambda: {**pixels(), "decoder_input_ids": torch.tensor([[2, 5, 7]])},
    ),
    Family(
        "ViltForQuestionAnswering",
        "AutoModelForVisualQuestionAnswering",
        "visual-question-answering",
        lambda: t.ViltConfig(**BERT, image_size=16, patch_size=8, max_position_embeddings=16),
        words_and_pixels,
    ),
    Family(
        "TapasForQuestionAnswering",
        "AutoModelForTableQuestionAnswering",
        "table-question-answering",
        lambda: t.TapasConfig(**BERT),
        lambda: {
            "input_ids": torch.tensor([[2, 5, 7, 9, 3]]),
            "attention_mask": torch.ones(1, 5, dtype=torch.long),
            "token_type_ids": torch.zeros(1, 5, 7, dtype=torch.long),
        },
    ),
    Family(
        "LayoutLMForQuestionAnswering",
        "AutoModelForDocumentQuestionAnswering",
        "document-question-answering",
        lambda: t.LayoutLMConfig(**BERT),
        lambda: words(bbox=torch.full((1, 5, 4), 10)),
    ),
    Family(
        "PatchTSTForPrediction",
        "PatchTSTForPrediction",
        "time-series-forecasting",
        lambda: t.PatchTSTConfig(
            num_input_channels=2,
            context_length=16,
            patch_length=4,
            patch_stride=4,
            prediction_length=4,
            num_hidden_layers=1,
            d_model=8,
            ffn_dim=8,
            num_attention_heads=2,
            distribution_output="normal",
            loss="mse",
        ),
        lambda: {"past_values": torch.linspace(-1, 1, 32).reshape(1, 16, 2)},
    ),
    Family(
        "DacModel",
        "AutoModel",
        "feature-extraction",
        lambda: t.DacConfig(
            encoder_hidden_size=8,
            downsampling_ratios=[2, 2],
            decoder_hidden_size=8,
            upsampling_ratios=[2, 2],
            n_codebooks=2,
            codebook_size=16,
            codebook_dim=4,
        ),
        lambda: {"input_values": torch.sin(torch.arange(64.0) / 7)[None, None]},
    ),
)


def outputs(model: Any, inputs: Inputs) -> list[torch.Tensor]:
    """Every tensor that the model's forward gives."""
    torch.manual_seed(0)
    with torch.no_grad():
        return _tensors(model(**inputs))


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [tensor for item in value for tensor in _tensors(item)] if isinstance(value, (list, tuple)) else []
