"""Models that look at an image: backbones, classifiers, detectors, segmenters."""

from __future__ import annotations

from typing import ClassVar

from registry.export.config import ExportConfig
from registry.export.model_config import first_of, number_of, side_of
from registry.export.outputs import BATCH
from registry.export.tensors import Dim, InputSpec, OutputSpec

IMAGE_AXES = ("height", "width")


class ImageConfig(ExportConfig):
    """`pixel_values` of the one size that the model's config says: its positions are learnt for that size."""

    ANY_SIZE: ClassVar[bool] = False
    """Whether the model type takes images of any height and width."""
    DEFAULT_SIDE: ClassVar[int] = 224
    FEATURES: ClassVar[dict[int, str]] = {}
    """The axes of the features, beside the batch, that vary with the image's size."""

    @property
    def any_size(self) -> bool:
        """Whether the graph of this task takes images of any height and width; one that fills in patches does not."""
        return self.ANY_SIZE and self.task != "masked-im"

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of the images that the model was made for."""
        return side_of(self.config, "image_size", "vision_config.image_size", default=self.DEFAULT_SIDE)

    @property
    def channels(self) -> int:
        """The channels of an image."""
        return number_of(self.config, "num_channels", "vision_config.num_channels", default=3)

    @property
    def image_shape(self) -> tuple[Dim, ...]:
        """The shape of `pixel_values`."""
        return ("batch_size", self.channels, *(IMAGE_AXES if self.any_size else self.side))

    def default_sizes(self) -> dict[str, int]:
        return dict(zip(IMAGE_AXES, self.side, strict=True)) if self.any_size else {}

    def input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="pixel_values", shape=self.image_shape, kind="float"),)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            return (OutputSpec(name="last_hidden_state", axes={**BATCH, **(self.FEATURES if self.any_size else {})}),)
        if self.any_size:
            return super().output_specs()
        return tuple(
            OutputSpec(
                name=spec.name,
                axes={axis: name for axis, name in spec.axes.items() if name not in IMAGE_AXES},
                source=spec.source,
            )
            for spec in super().output_specs()
        )


class FeatureMapConfig(ImageConfig):
    """Images of any size; the features are a map, smaller than the image."""

    ANY_SIZE = True
    FEATURES: ClassVar[dict[int, str]] = {2: "feature_height", 3: "feature_width"}


class FeatureTokensConfig(ImageConfig):
    """Images of any size; the features are a row of patches."""

    ANY_SIZE = True
    FEATURES: ClassVar[dict[int, str]] = {1: "feature_length"}


class WindowedConfig(ImageConfig):
    """Swin: attention within windows, which are cut by the image's size; the fused attention cannot be traced with
    their masks."""

    ATTENTION = "eager"


class DetectorConfig(ImageConfig):
    """Images of any size; a fixed number of queries answers."""

    ANY_SIZE = True

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            return (OutputSpec(name="last_hidden_state", axes=BATCH),)
        if self.task == "image-segmentation":
            masks = {0: "batch_size", 2: "mask_height", 3: "mask_width"}
            return (
                OutputSpec(name="logits", axes=BATCH),
                OutputSpec(name="pred_boxes", axes=BATCH),
                OutputSpec(name="pred_masks", axes=masks),
            )
        return tuple(OutputSpec(name=name, axes=BATCH) for name in ("logits", "pred_boxes"))


class FixedDetectorConfig(DetectorConfig):
    """Images of one size: the anchors are laid out for it."""

    ANY_SIZE = False
    DEFAULT_SIDE = 640

    @property
    def side(self) -> tuple[int, int]:
        return side_of(self.config, "anchor_image_size", "eval_size", default=self.DEFAULT_SIDE)


class MaskFormerConfig(DetectorConfig):
    """Masks by query, each with a class."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            last = "transformer_decoder_last_hidden_state"
            return (OutputSpec(name="last_hidden_state", axes=BATCH, source=last),)
        masks = {0: "batch_size", 2: "mask_height", 3: "mask_width"}
        return (
            OutputSpec(name="class_queries_logits", axes=BATCH),
            OutputSpec(name="masks_queries_logits", axes=masks),
        )


class YolosConfig(ImageConfig):
    """Detection tokens among the patches, at the positions of one image size."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task == "feature-extraction":
            return super().output_specs()
        return tuple(OutputSpec(name=name, axes=BATCH) for name in QUERY_OUTPUTS)


QUERY_OUTPUTS = ("logits", "pred_boxes")


class SegformerConfig(FeatureMapConfig):
    """The classes of pixels come at a quarter of the image's size."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task in ("image-segmentation", "semantic-segmentation"):
            return (OutputSpec(name="logits", axes={**BATCH, 2: "mask_height", 3: "mask_width"}),)
        return super().output_specs()


class UpscalerConfig(WindowedConfig):
    """An image to a larger one."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        if self.task != "image-to-image":
            return super().output_specs()
        return (OutputSpec(name="reconstruction", axes=BATCH),)


class MaskedImageConfig(ImageConfig):
    """Patches of an image are masked at random: an example says which by noise."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        height, width = self.side
        patch = number_of(self.config, "patch_size", default=16)
        noise = InputSpec(name="noise", shape=("batch_size", (height // patch) * (width // patch)), kind="float")
        return (*super().input_specs(), noise)


class SceneTextConfig(ImageConfig):
    """MGP-STR: an image of a word, read by characters, by bytes and by word pieces."""

    def output_specs(self) -> tuple[OutputSpec, ...]:
        names = ("char_logits", "bpe_logits", "wp_logits")
        return tuple(
            OutputSpec(name=name, axes=BATCH, source=f"logits.{position}") for position, name in enumerate(names)
        )


class TimmConfig(ImageConfig):
    """Any model of timm: the input size is that of its pretrained weights."""

    @property
    def side(self) -> tuple[int, int]:
        size = first_of(self.config, "pretrained_cfg.input_size", "input_size", default=(3, 224, 224))
        return int(size[-2]), int(size[-1])

    @property
    def channels(self) -> int:
        size = first_of(self.config, "pretrained_cfg.input_size", "input_size", default=(3, 224, 224))
        return int(size[0])

    def input_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="pixel_values", shape=self.image_shape, kind="float", argument="x"),)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="logits", axes=BATCH, source=""),)


class SegmentAnythingConfig(ImageConfig):
    """SAM: an image and points on it, to masks and how good they are."""

    DEFAULT_SIDE = 1024

    def input_specs(self) -> tuple[InputSpec, ...]:
        points: tuple[Dim, ...] = ("batch_size", "point_batch_size", "nb_points_per_image")
        return (
            *super().input_specs(),
            InputSpec(name="input_points", shape=(*points, 2), kind="float"),
            InputSpec(name="input_labels", shape=points, high=2),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 1: "point_batch_size"}
        return tuple(OutputSpec(name=name, axes=axes) for name in ("iou_scores", "pred_masks"))


class PoseConfig(ImageConfig):
    """Heat maps of a person's joints."""

    @property
    def side(self) -> tuple[int, int]:
        return side_of(self.config, "backbone_config.image_size", "image_size", default=256)

    @property
    def channels(self) -> int:
        return number_of(self.config, "backbone_config.num_channels", "num_channels", default=3)
