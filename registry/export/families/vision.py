"""Configurations of vision models: backbones, classifiers, detectors, segmenters. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from registry.export.config import ExportConfig
from registry.export.model_config import get_first, get_image_size, get_number
from registry.export.outputs import BATCH_AXIS
from registry.export.tensors import Dim, InputSpec, OutputSpec

IMAGE_AXES = ("height", "width")
QUERY_OUTPUTS = ("logits", "pred_boxes")


class ImageConfig(ExportConfig):
    """`pixel_values` of the size in the model's config, because its position embeddings are learnt for that size."""

    HAS_DYNAMIC_SIZE: ClassVar[bool] = False
    """Whether the model type takes images of any height and width."""
    INTERPOLATES_POSITIONS: ClassVar[bool] = False
    """Whether it does so by interpolation of its position embeddings; they must be learnt for a square image."""
    INTERPOLATION_ARGUMENT: ClassVar[str | None] = "interpolate_pos_encoding"
    """The argument of the model that allows the interpolation; None if it needs none."""
    DEFAULT_IMAGE_SIZE: ClassVar[int] = 224
    DYNAMIC_FEATURE_AXES: ClassVar[dict[int, str]] = {}
    """The axes of the features that vary with the image size, without the batch axis."""

    @property
    def has_dynamic_size(self) -> bool:
        """Whether the graph of this task takes images of any height and width; masked image modeling never does."""
        height, width = self.image_size
        return (self.HAS_DYNAMIC_SIZE or (self.INTERPOLATES_POSITIONS and height == width)) and self.task != "masked-im"

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images that the model was trained for."""
        return get_image_size(self.config, "image_size", "vision_config.image_size", default=self.DEFAULT_IMAGE_SIZE)

    @property
    def channels(self) -> int:
        """The number of channels of an image."""
        return get_number(self.config, "num_channels", "vision_config.num_channels", default=3)

    @property
    def image_shape(self) -> tuple[Dim, ...]:
        """The shape of `pixel_values`."""
        return ("batch_size", self.channels, *(IMAGE_AXES if self.has_dynamic_size else self.image_size))

    def get_default_sizes(self) -> dict[str, int]:
        if not self.has_dynamic_size:
            return {}
        height, width = self.image_size
        # An image of the learnt size would be traced without the interpolation.
        factors = (2, 3) if self.INTERPOLATES_POSITIONS else (1, 1)
        return {"height": factors[0] * height, "width": factors[1] * width}

    def get_fixed_arguments(self) -> Mapping[str, Any]:
        is_asked = self.INTERPOLATES_POSITIONS and self.has_dynamic_size and self.INTERPOLATION_ARGUMENT is not None
        return {str(self.INTERPOLATION_ARGUMENT): True} if is_asked else {}

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="pixel_values", shape=self.image_shape, kind="float"),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            return (
                OutputSpec(
                    name="last_hidden_state",
                    axes={**BATCH_AXIS, **(self.DYNAMIC_FEATURE_AXES if self.has_dynamic_size else {})},
                ),
            )
        if self.has_dynamic_size:
            return super().build_output_specs()
        return tuple(
            OutputSpec(
                name=spec.name,
                axes={axis: name for axis, name in spec.axes.items() if name not in IMAGE_AXES},
                source=spec.source,
            )
            for spec in super().build_output_specs()
        )


class FeatureMapConfig(ImageConfig):
    """Convolutional backbones: images of any size; the features are a map that is smaller than the image."""

    HAS_DYNAMIC_SIZE = True
    DYNAMIC_FEATURE_AXES: ClassVar[dict[int, str]] = {2: "feature_height", 3: "feature_width"}


class MobileNetConfig(FeatureMapConfig):
    """MobileNet: images of one size, for which torch.export computes the padding of each convolution."""

    HAS_DYNAMIC_SIZE = False


class PatchConfig(ImageConfig):
    """ViT and similar models: images of any size, because the position embeddings of their patches are interpolated."""

    INTERPOLATES_POSITIONS = True
    DYNAMIC_FEATURE_AXES: ClassVar[dict[int, str]] = {1: "patch_sequence_length"}


class Dinov2Config(PatchConfig):
    """DINOv2: interpolates without being asked."""

    INTERPOLATION_ARGUMENT = None


class SwinConfig(ImageConfig):
    """Swin: attention within windows of the image. torch.export cannot trace the fused attention with their masks."""

    ATTENTION = "eager"


class DetectorConfig(ImageConfig):
    """DETR: images of any size; the outputs have a fixed number of queries."""

    HAS_DYNAMIC_SIZE = True

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            return (OutputSpec(name="last_hidden_state", axes=BATCH_AXIS),)
        if self.task == "image-segmentation":
            masks = {0: "batch_size", 2: "mask_height", 3: "mask_width"}
            return (
                OutputSpec(name="logits", axes=BATCH_AXIS),
                OutputSpec(name="pred_boxes", axes=BATCH_AXIS),
                OutputSpec(name="pred_masks", axes=masks),
            )
        return tuple(OutputSpec(name=name, axes=BATCH_AXIS) for name in QUERY_OUTPUTS)


class FixedSizeDetectorConfig(DetectorConfig):
    """RT-DETR, D-FINE: images of one size, for which the anchors are computed."""

    HAS_DYNAMIC_SIZE = False
    DEFAULT_IMAGE_SIZE = 640

    @property
    def image_size(self) -> tuple[int, int]:
        return get_image_size(self.config, "anchor_image_size", "eval_size", default=self.DEFAULT_IMAGE_SIZE)


class MaskFormerConfig(DetectorConfig):
    """MaskFormer: a mask and a class for each query."""

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            last = "transformer_decoder_last_hidden_state"
            return (OutputSpec(name="last_hidden_state", axes=BATCH_AXIS, source=last),)
        masks = {0: "batch_size", 2: "mask_height", 3: "mask_width"}
        return (
            OutputSpec(name="class_queries_logits", axes=BATCH_AXIS),
            OutputSpec(name="masks_queries_logits", axes=masks),
        )


class YolosConfig(ImageConfig):
    """YOLOS: detection tokens beside the patches; the image size is fixed."""

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            return super().build_output_specs()
        return tuple(OutputSpec(name=name, axes=BATCH_AXIS) for name in QUERY_OUTPUTS)


class SegformerConfig(FeatureMapConfig):
    """SegFormer: the logits of pixels have a quarter of the image size."""

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task in ("image-segmentation", "semantic-segmentation"):
            return (OutputSpec(name="logits", axes={**BATCH_AXIS, 2: "mask_height", 3: "mask_width"}),)
        return super().build_output_specs()


class Swin2SRConfig(SwinConfig):
    """Swin2SR: an image to a larger one."""

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task != "image-to-image":
            return super().build_output_specs()
        return (OutputSpec(name="reconstruction", axes=BATCH_AXIS),)


class VitMaeConfig(ImageConfig):
    """ViT-MAE: masks random patches of the image; the noise input decides which."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        height, width = self.image_size
        patch = get_number(self.config, "patch_size", default=16)
        noise = InputSpec(name="noise", shape=("batch_size", (height // patch) * (width // patch)), kind="float")
        return (*super().build_input_specs(), noise)


class MgpStrConfig(ImageConfig):
    """MGP-STR: the image of a word to its characters, BPE tokens and WordPiece tokens."""

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        names = ("char_logits", "bpe_logits", "wp_logits")
        return tuple(
            OutputSpec(name=name, axes=BATCH_AXIS, source=f"logits.{position}") for position, name in enumerate(names)
        )


class TimmConfig(ImageConfig):
    """Any timm model: the input size is that of its pretrained weights."""

    @property
    def image_size(self) -> tuple[int, int]:
        size = get_first(self.config, "pretrained_cfg.input_size", "input_size", default=(3, 224, 224))
        return int(size[-2]), int(size[-1])

    @property
    def channels(self) -> int:
        size = get_first(self.config, "pretrained_cfg.input_size", "input_size", default=(3, 224, 224))
        return int(size[0])

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="pixel_values", shape=self.image_shape, kind="float", argument="x"),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="logits", axes=BATCH_AXIS, source=""),)


class SamConfig(ImageConfig):
    """SAM: an image and points on it to masks and their quality scores."""

    DEFAULT_IMAGE_SIZE = 1024

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        points: tuple[Dim, ...] = ("batch_size", "point_batch_size", "nb_points_per_image")
        return (
            *super().build_input_specs(),
            InputSpec(name="input_points", shape=(*points, 2), kind="float"),
            InputSpec(name="input_labels", shape=points, high=2),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 1: "point_batch_size"}
        return tuple(OutputSpec(name=name, axes=axes) for name in ("iou_scores", "pred_masks"))


class VitPoseConfig(ImageConfig):
    """ViTPose: the image of a person to heat maps of the joints."""

    @property
    def image_size(self) -> tuple[int, int]:
        return get_image_size(self.config, "backbone_config.image_size", "image_size", default=256)

    @property
    def channels(self) -> int:
        return get_number(self.config, "backbone_config.num_channels", "num_channels", default=3)
