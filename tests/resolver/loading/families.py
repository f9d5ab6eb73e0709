"""Tiny real models of transformers, one for each kind of auto class, with inputs to run them."""

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
    """`auto_class` is the class that the resolver should name; `inputs` builds arguments for the model's forward."""

    architecture: str
    auto_class: str
    task: str
    config: Callable[[], Any]
    inputs: Callable[[], Inputs]

    def build(self) -> Any:
        """The model with random weights, in eval mode."""
        return getattr(t, self.architecture)(self.config()).eval()


def build_text_inputs(*, decoder: bool = False, **overrides: Any) -> Inputs:
    ids = torch.tensor([[2, 5, 7, 9, 3]])
    return {"input_ids": ids, **({"decoder_input_ids": ids} if decoder else {}), **overrides}


def build_image_inputs(size: int = 16, **overrides: Any) -> Inputs:
    return {"pixel_values": torch.linspace(-1, 1, 3 * size * size).reshape(1, 3, size, size), **overrides}


def build_audio_inputs() -> Inputs:
    return {"input_values": torch.sin(torch.arange(400.0) / 7)[None]}


def build_bert_config() -> Any:
    return t.BertConfig(**BERT)


def build_vit_config() -> Any:
    return t.ViTConfig(**VISION)


def build_wav2vec2_config() -> Any:
    return t.Wav2Vec2Config(**SPEECH, tdnn_dim=(8, 8), tdnn_kernel=(3, 1), tdnn_dilation=(1, 1), xvector_output_dim=8)


def build_clip_config() -> Any:
    return t.CLIPConfig(
        text_config={**BERT, "projection_dim": 8, "bos_token_id": 0, "eos_token_id": 1},
        vision_config=VISION,
        projection_dim=8,
    )


def build_llama_config(**overrides: Any) -> Any:
    return t.LlamaConfig(**BERT, num_key_value_heads=1, max_position_embeddings=64, **overrides)


def build_llava_config() -> Any:
    vision = t.CLIPVisionConfig(**{**VISION, "num_hidden_layers": 2})
    return t.LlavaConfig(
        vision_config=vision, text_config=build_llama_config(), image_token_id=50, image_token_index=50
    )


def build_encoder_decoder_config() -> Any:
    decoder = t.BertConfig(**BERT, is_decoder=True, add_cross_attention=True)
    return t.VisionEncoderDecoderConfig.from_encoder_decoder_configs(build_vit_config(), decoder)


def build_text_and_image_inputs() -> Inputs:
    return {**build_text_inputs(), **build_image_inputs()}


FAMILIES = (
    Family("BertModel", "AutoModel", "feature-extraction", build_bert_config, build_text_inputs),
    Family("BertForMaskedLM", "AutoModelForMaskedLM", "fill-mask", build_bert_config, build_text_inputs),
    Family("BertForPreTraining", "AutoModelForPreTraining", "pretraining", build_bert_config, build_text_inputs),
    Family(
        "BertForSequenceClassification",
        "AutoModelForSequenceClassification",
        "text-classification",
        build_bert_config,
        build_text_inputs,
    ),
    Family(
        "BertForTokenClassification",
        "AutoModelForTokenClassification",
        "token-classification",
        build_bert_config,
        build_text_inputs,
    ),
    Family(
        "BertForQuestionAnswering",
        "AutoModelForQuestionAnswering",
        "question-answering",
        build_bert_config,
        build_text_inputs,
    ),
    Family(
        "BertForMultipleChoice",
        "AutoModelForMultipleChoice",
        "multiple-choice",
        build_bert_config,
        lambda: {"input_ids": torch.tensor([[[2, 5, 3], [2, 7, 3]]])},
    ),
    Family(
        "BertForNextSentencePrediction",
        "AutoModelForNextSentencePrediction",
        "next-sentence-prediction",
        build_bert_config,
        build_text_inputs,
    ),
    Family("LlamaForCausalLM", "AutoModelForCausalLM", "text-generation", build_llama_config, build_text_inputs),
    Family(
        "GPT2LMHeadModel",
        "AutoModelForCausalLM",
        "text-generation",
        lambda: t.GPT2Config(
            vocab_size=60, n_embd=16, n_layer=1, n_head=2, n_positions=32, bos_token_id=1, eos_token_id=1
        ),
        build_text_inputs,
    ),
    Family(
        "T5ForConditionalGeneration",
        "AutoModelForSeq2SeqLM",
        "text2text-generation",
        lambda: t.T5Config(vocab_size=60, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2),
        lambda: build_text_inputs(decoder=True),
    ),
    Family(
        "MarianMTModel",
        "AutoModelForSeq2SeqLM",
        "translation",
        lambda: t.MarianConfig(**MARIAN, pad_token_id=0, decoder_start_token_id=0, max_position_embeddings=32),
        lambda: build_text_inputs(decoder=True),
    ),
    Family("ViTModel", "AutoModel", "image-feature-extraction", build_vit_config, build_image_inputs),
    Family(
        "ViTForImageClassification",
        "AutoModelForImageClassification",
        "image-classification",
        build_vit_config,
        build_image_inputs,
    ),
    Family(
        "ViTForMaskedImageModeling",
        "AutoModelForMaskedImageModeling",
        "masked-im",
        build_vit_config,
        build_image_inputs,
    ),
    Family(
        "YolosForObjectDetection",
        "AutoModelForObjectDetection",
        "object-detection",
        lambda: t.YolosConfig(**{**VISION, "image_size": [16, 16]}, num_detection_tokens=2),
        build_image_inputs,
    ),
    Family(
        "OwlViTForObjectDetection",
        "AutoModelForZeroShotObjectDetection",
        "zero-shot-object-detection",
        lambda: t.OwlViTConfig(
            text_config={**BERT, "bos_token_id": 0, "eos_token_id": 1}, vision_config=VISION, projection_dim=16
        ),
        build_text_and_image_inputs,
    ),
    Family(
        "SegformerForSemanticSegmentation",
        "AutoModelForSemanticSegmentation",
        "image-segmentation",
        lambda: t.SegformerConfig(
            depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 8, 8], num_attention_heads=[1, 1, 1, 1], decoder_hidden_size=8
        ),
        lambda: build_image_inputs(32),
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
        build_image_inputs,
    ),
    Family(
        "Swin2SRForImageSuperResolution",
        "AutoModelForImageToImage",
        "image-to-image",
        lambda: t.Swin2SRConfig(image_size=16, embed_dim=8, depths=[1], num_heads=[2], window_size=8, upscale=2),
        build_image_inputs,
    ),
    Family(
        "SuperPointForKeypointDetection",
        "AutoModelForKeypointDetection",
        "keypoint-detection",
        lambda: t.SuperPointConfig(
            encoder_hidden_sizes=[8, 8, 8, 8], decoder_hidden_size=8, descriptor_decoder_dim=8, keypoint_decoder_dim=65
        ),
        lambda: build_image_inputs(32),
    ),
    Family(
        "VideoMAEForVideoClassification",
        "AutoModelForVideoClassification",
        "video-classification",
        lambda: t.VideoMAEConfig(**VISION, num_frames=2, tubelet_size=2, decoder_hidden_size=16),
        lambda: {"pixel_values": torch.linspace(-1, 1, 2 * 3 * 256).reshape(1, 2, 3, 16, 16)},
    ),
    Family(
        "Wav2Vec2ForCTC", "AutoModelForCTC", "automatic-speech-recognition", build_wav2vec2_config, build_audio_inputs
    ),
    Family(
        "Wav2Vec2ForSequenceClassification",
        "AutoModelForAudioClassification",
        "audio-classification",
        build_wav2vec2_config,
        build_audio_inputs,
    ),
    Family(
        "Wav2Vec2ForAudioFrameClassification",
        "AutoModelForAudioFrameClassification",
        "audio-frame-classification",
        build_wav2vec2_config,
        build_audio_inputs,
    ),
    Family(
        "Wav2Vec2ForXVector", "AutoModelForAudioXVector", "audio-xvector", build_wav2vec2_config, build_audio_inputs
    ),
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
        build_text_inputs,
    ),
    Family(
        "CLIPModel",
        "AutoModelForZeroShotImageClassification",
        "zero-shot-image-classification",
        build_clip_config,
        build_text_and_image_inputs,
    ),
    Family(
        "LlavaForConditionalGeneration",
        "AutoModelForImageTextToText",
        "image-text-to-text",
        build_llava_config,
        lambda: {"input_ids": torch.tensor([[2, 50, 50, 50, 50, 7]]), **build_image_inputs()},
    ),
    Family(
        "VisionEncoderDecoderModel",
        "AutoModelForImageTextToText",
        "image-text-to-text",
        build_encoder_decoder_config,
        lambda: {**build_image_inputs(), "decoder_input_ids": torch.tensor([[2, 5, 7]])},
    ),
    Family(
        "ViltForQuestionAnswering",
        "AutoModelForVisualQuestionAnswering",
        "visual-question-answering",
        lambda: t.ViltConfig(**BERT, image_size=16, patch_size=8, max_position_embeddings=16),
        build_text_and_image_inputs,
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
        lambda: build_text_inputs(bbox=torch.full((1, 5, 4), 10)),
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


def run_model(model: Any, inputs: Inputs) -> list[torch.Tensor]:
    """Every tensor in the output of the model's forward."""
    torch.manual_seed(0)
    with torch.no_grad():
        return _collect_tensors(model(**inputs))


def _collect_tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [tensor for item in value for tensor in _collect_tensors(item)] if isinstance(value, (list, tuple)) else []
