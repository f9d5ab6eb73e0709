"""Configurations of text encoders: BERT and similar models. Pure."""

from __future__ import annotations

from typing import ClassVar

from registry.export.config import ExportConfig
from registry.export.model_config import choose_token_range, get_image_size, get_number
from registry.export.outputs import BATCH_AXIS, TOKEN_AXES
from registry.export.tensors import Dim, InputSpec, OutputSpec


class TextEncoderConfig(ExportConfig):
    """`input_ids`, `attention_mask`, and `token_type_ids` if `HAS_TOKEN_TYPES`; multiple choice has a third axis."""

    HAS_TOKEN_TYPES: ClassVar[bool] = False

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        return (*self.build_token_specs(), *self.build_extra_specs())

    def build_token_specs(self) -> tuple[InputSpec, ...]:
        """Token ids, their attention mask, and the token types."""
        low, high = choose_token_range(self.config)
        ids = InputSpec(name="input_ids", shape=self.text_shape, low=low, high=high, fixed=self.get_fixed_tokens())
        mask = InputSpec(name="attention_mask", shape=self.text_shape, fill="ones")
        if not self.has_token_types:
            return (ids, mask)
        return (ids, mask, InputSpec(name="token_type_ids", shape=self.text_shape, high=self.token_type_count))

    def build_extra_specs(self) -> tuple[InputSpec, ...]:
        """Further inputs of this model type."""
        return ()

    def get_fixed_tokens(self) -> tuple[tuple[int, int], ...]:
        """Pairs (position, token id) that every dummy text has."""
        return ()

    @property
    def text_shape(self) -> tuple[Dim, ...]:
        """The shape of the token ids."""
        choices = ("num_choices",) if self.task == "multiple-choice" else ()
        return ("batch_size", *choices, "sequence_length")

    @property
    def has_token_types(self) -> bool:
        """Whether the model type takes `token_type_ids`."""
        return self.HAS_TOKEN_TYPES

    @property
    def token_type_count(self) -> int:
        """The number of token types."""
        return get_number(self.config, "type_vocab_size", default=2)


class BertConfig(TextEncoderConfig):
    """A text encoder that takes `token_type_ids`."""

    HAS_TOKEN_TYPES = True


class DebertaConfig(BertConfig):
    """DeBERTa: takes `token_type_ids` only if the model has an embedding for them."""

    @property
    def has_token_types(self) -> bool:
        return self.token_type_count > 0


class LongformerConfig(BertConfig):
    """Longformer: a mask selects the tokens that attend to all others."""

    def build_extra_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="global_attention_mask", shape=self.text_shape, fill="zeros", fixed=((0, 1),)),)


class SplinterConfig(BertConfig):
    """Splinter: question answering needs a question token in the text."""

    def get_fixed_tokens(self) -> tuple[tuple[int, int], ...]:
        if self.task != "question-answering":
            return ()
        return ((1, get_number(self.config, "question_token_id", default=104)),)


class MarkupLMConfig(BertConfig):
    """MarkupLM: every token has the XPath of its element in the page."""

    def build_extra_specs(self) -> tuple[InputSpec, ...]:
        shape = (*self.text_shape, get_number(self.config, "max_depth", default=50))
        return (
            InputSpec(
                name="xpath_tags_seq", shape=shape, high=get_number(self.config, "max_xpath_tag_unit_embeddings")
            ),
            InputSpec(
                name="xpath_subs_seq", shape=shape, high=get_number(self.config, "max_xpath_subs_unit_embeddings")
            ),
        )


class VisualBertConfig(BertConfig):
    """VisualBERT: a text and the features of regions of an image."""

    def build_extra_specs(self) -> tuple[InputSpec, ...]:
        shape: tuple[Dim, ...] = ("batch_size", "visual_seq_length")
        width = get_number(self.config, "visual_embedding_dim")
        return (
            InputSpec(name="visual_embeds", shape=(*shape, width), kind="float"),
            InputSpec(name="visual_attention_mask", shape=shape, kind="float", fill="ones"),
            InputSpec(name="visual_token_type_ids", shape=shape, fill="ones"),
        )

    def get_default_sizes(self) -> dict[str, int]:
        return {"visual_seq_length": 10}

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 1: "sequence_length + visual_seq_length"}
        return (OutputSpec(name="last_hidden_state", axes=axes),)


class LayoutConfig(TextEncoderConfig):
    """LiLT and similar models: every token has a bounding box on the page."""

    def build_token_specs(self) -> tuple[InputSpec, ...]:
        high = get_number(self.config, "max_2d_position_embeddings", default=1024)
        box = InputSpec(name="bbox", shape=(*self.text_shape, 4), fill="boxes", high=min(high, 1000))
        ids, *other_specs = super().build_token_specs()
        return (ids, box, *other_specs)


class LayoutLMConfig(LayoutConfig):
    """LayoutLM: also takes `token_type_ids`."""

    HAS_TOKEN_TYPES = True


class LayoutLMv3Config(LayoutConfig):
    """LayoutLMv3: also takes the image of the page, whose patches follow the text."""

    def build_extra_specs(self) -> tuple[InputSpec, ...]:
        height, width = get_image_size(self.config, "input_size", default=224)
        channels = get_number(self.config, "num_channels", default=3)
        return (InputSpec(name="pixel_values", shape=("batch_size", channels, height, width), kind="float"),)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        specs = super().build_output_specs()
        if self.task not in ("feature-extraction", "question-answering"):
            return specs
        height, width = get_image_size(self.config, "input_size", default=224)
        patch = get_number(self.config, "patch_size", default=16)
        length = f"sequence_length + {(height // patch) * (width // patch) + 1}"
        return tuple(OutputSpec(name=spec.name, axes={0: "batch_size", 1: length}) for spec in specs)


class PerceiverTextConfig(TextEncoderConfig):
    """Perceiver for texts: the model's argument is `inputs`."""

    def build_token_specs(self) -> tuple[InputSpec, ...]:
        length = get_number(self.config, "max_position_embeddings")
        low, high = choose_token_range(self.config)
        # The masked-token decoder returns logits for every position, so the text must fill them all.
        shape = ("batch_size", length) if self.task == "fill-mask" else self.text_shape
        return (
            InputSpec(name="input_ids", shape=shape, low=low, high=high, argument="inputs"),
            InputSpec(name="attention_mask", shape=shape, fill="ones"),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="logits", axes=BATCH_AXIS),)


class PerceiverConfig(PerceiverTextConfig):
    """Perceiver: images for image classification, else texts."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        if self.task != "image-classification":
            return super().build_input_specs()
        size = get_number(self.config, "image_size", default=56)
        shape = ("batch_size", 3, size, size)
        return (InputSpec(name="pixel_values", shape=shape, kind="float", argument="inputs"),)


class SentenceTransformerConfig(TextEncoderConfig):
    """sentence-transformers: a text to embeddings of its tokens and of the text. All inputs go into one mapping."""

    def build_token_specs(self) -> tuple[InputSpec, ...]:
        low, high = choose_token_range(self.config)
        return (
            InputSpec(name="input_ids", shape=self.text_shape, low=low, high=high, argument="input.input_ids"),
            InputSpec(name="attention_mask", shape=self.text_shape, fill="ones", argument="input.attention_mask"),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="token_embeddings", axes=TOKEN_AXES),
            OutputSpec(name="sentence_embedding", axes=BATCH_AXIS),
        )
