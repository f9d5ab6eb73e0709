"""What the models of a task give, unless their family says otherwise. Data only.

The names are the fields of transformers' output classes; the axes, where optimum-onnx 0.1 names them, are called as
there.
"""

from __future__ import annotations

from registry.export.tensors import OutputSpec

BATCH = {0: "batch_size"}
TOKENS = {0: "batch_size", 1: "sequence_length"}
QUERIES = {0: "batch_size", 1: "num_queries"}


def _outputs(**axes: dict[int, str]) -> tuple[OutputSpec, ...]:
    return tuple(OutputSpec(name=name, axes=found) for name, found in axes.items())


OUTPUTS: dict[str, tuple[OutputSpec, ...]] = {
    "audio-classification": _outputs(logits=BATCH),
    "audio-frame-classification": _outputs(logits=TOKENS),
    "audio-xvector": _outputs(logits=BATCH, embeddings=BATCH),
    "automatic-speech-recognition": _outputs(logits=TOKENS),
    "depth-estimation": _outputs(predicted_depth={0: "batch_size", 1: "height", 2: "width"}),
    "document-question-answering": _outputs(logits=TOKENS),
    "feature-extraction": _outputs(last_hidden_state=TOKENS),
    "fill-mask": _outputs(logits=TOKENS),
    "image-classification": _outputs(logits=BATCH),
    "image-segmentation": _outputs(logits={0: "batch_size", 2: "height", 3: "width"}),
    "image-to-image": _outputs(reconstruction={0: "batch_size", 2: "height", 3: "width"}),
    "image-to-text": _outputs(logits=TOKENS),
    "keypoint-detection": _outputs(heatmaps=BATCH),
    "masked-im": _outputs(reconstruction=BATCH),
    "multiple-choice": _outputs(logits={0: "batch_size", 1: "num_choices"}),
    "object-detection": _outputs(logits=QUERIES, pred_boxes=QUERIES),
    "question-answering": _outputs(start_logits=TOKENS, end_logits=TOKENS),
    "semantic-segmentation": _outputs(logits={0: "batch_size", 2: "height", 3: "width"}),
    "text-classification": _outputs(logits=BATCH),
    "text-generation": _outputs(logits=TOKENS),
    "text2text-generation": _outputs(logits={0: "batch_size", 1: "decoder_sequence_length"}),
    "time-series-forecasting": _outputs(prediction_outputs=BATCH),
    "token-classification": _outputs(logits=TOKENS),
    "visual-question-answering": _outputs(logits=TOKENS),
    "zero-shot-image-classification": _outputs(
        logits_per_image={0: "image_batch_size", 1: "text_batch_size"},
        logits_per_text={0: "text_batch_size", 1: "image_batch_size"},
        text_embeds={0: "text_batch_size"},
        image_embeds={0: "image_batch_size"},
    ),
}
