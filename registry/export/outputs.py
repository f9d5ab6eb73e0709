"""Lists the usual outputs of each task. Pure data.

The names are the fields of transformers' output classes; the names of the axes are those of optimum-onnx 0.1, where it
has them.
"""

from __future__ import annotations

from registry.export.tensors import OutputSpec

BATCH_AXIS = {0: "batch_size"}
TOKEN_AXES = {0: "batch_size", 1: "sequence_length"}
QUERY_AXES = {0: "batch_size", 1: "num_queries"}


def _build_outputs(**axes: dict[int, str]) -> tuple[OutputSpec, ...]:
    return tuple(OutputSpec(name=name, axes=varying) for name, varying in axes.items())


OUTPUTS_BY_TASK: dict[str, tuple[OutputSpec, ...]] = {
    "audio-classification": _build_outputs(logits=BATCH_AXIS),
    "audio-frame-classification": _build_outputs(logits=TOKEN_AXES),
    "audio-xvector": _build_outputs(logits=BATCH_AXIS, embeddings=BATCH_AXIS),
    "automatic-speech-recognition": _build_outputs(logits=TOKEN_AXES),
    "depth-estimation": _build_outputs(predicted_depth={0: "batch_size", 1: "height", 2: "width"}),
    "document-question-answering": _build_outputs(logits=TOKEN_AXES),
    "feature-extraction": _build_outputs(last_hidden_state=TOKEN_AXES),
    "fill-mask": _build_outputs(logits=TOKEN_AXES),
    "image-classification": _build_outputs(logits=BATCH_AXIS),
    "image-segmentation": _build_outputs(logits={0: "batch_size", 2: "height", 3: "width"}),
    "image-to-image": _build_outputs(reconstruction={0: "batch_size", 2: "height", 3: "width"}),
    "image-to-text": _build_outputs(logits=TOKEN_AXES),
    "keypoint-detection": _build_outputs(heatmaps=BATCH_AXIS),
    "masked-im": _build_outputs(reconstruction=BATCH_AXIS),
    "multiple-choice": _build_outputs(logits={0: "batch_size", 1: "num_choices"}),
    "object-detection": _build_outputs(logits=QUERY_AXES, pred_boxes=QUERY_AXES),
    "question-answering": _build_outputs(start_logits=TOKEN_AXES, end_logits=TOKEN_AXES),
    "semantic-segmentation": _build_outputs(logits={0: "batch_size", 2: "height", 3: "width"}),
    "text-classification": _build_outputs(logits=BATCH_AXIS),
    "text-generation": _build_outputs(logits=TOKEN_AXES),
    "text2text-generation": _build_outputs(logits={0: "batch_size", 1: "decoder_sequence_length"}),
    "time-series-forecasting": _build_outputs(prediction_outputs=BATCH_AXIS),
    "token-classification": _build_outputs(logits=TOKEN_AXES),
    "visual-question-answering": _build_outputs(logits=TOKEN_AXES),
    "zero-shot-image-classification": _build_outputs(
        logits_per_image={0: "image_batch_size", 1: "text_batch_size"},
        logits_per_text={0: "text_batch_size", 1: "image_batch_size"},
        text_embeds={0: "text_batch_size"},
        image_embeds={0: "image_batch_size"},
    ),
}
