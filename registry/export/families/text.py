"""Models that read a text at once: BERT and its kin."""

from __future__ import annotations

from typing import ClassVar

from registry.export.config import ExportConfig
from registry.export.model_config import number_of, ordinary_tokens, side_of
from registry.export.outputs import BATCH, TOKENS
from registry.export.tensors import Dim, InputSpec, OutputSpec


class TextEncoderConfig(ExportConfig):
    """`input_ids`, `attention_mask`, and `token_type_ids` where `TOKEN_TYPES`; a third axis for several choices."""

    TOKEN_TYPES: ClassVar[bool] = False

    def input_specs(self) -> tuple[InputSpec, ...]:
        return (*self.token_specs(), *self.extra_specs())

    def token_specs(self) -> tuple[InputSpec, ...]:
        """Token ids, their mask, and what tells the parts of the text apart."""
        low, high = ordinary_tokens(self.config)
        ids = InputSpec(name="input_ids", shape=self.text_shape, low=low, high=high, fixed=self.fixed_tokens())
        mask = InputSpec(name="attention_mask", shape=self.text_shape, fill="ones")
        if not self.has_token_types:
            return (ids, mask)
        return (ids, mask, InputSpec(name="token_type_ids", shape=self.text_shape, high=self.count_token_types))

    def extra_specs(self) -> tuple[InputSpec, ...]:
        """What this model type takes beside the text."""
        return ()

    def fixed_tokens(self) -> tuple[tuple[int, int], ...]:
        """(position, token) that every text must have."""
        return ()

    @property
    def text_shape(self) -> tuple[Dim, ...]:
        """The shape of the token ids."""
        choices = ("num_choices",) if self.task == "multiple-choice" else ()
        return ("batch_size", *choices, "sequence_length")

    @property
    def has_token_types(self) -> bool:
        """Whether the model type takes `token_type_ids`."""
        return self.TOKEN_TYPES

    @property
    def count_token_types(self) -> int:
        """How many parts of a text are told apart."""
        return number_of(self.config, "type_vocab_size", default=2)


class BertConfig(TextEncoderConfig):
    """With `token_type_ids`."""

    TOKEN_TYPES = True


class DebertaConfig(BertConfig):
    """`token_type_ids` only where the model has an embedding for them."""

    @property
    def has_token_types(self) -> bool:
        return self.count_token_types > 0


class LongformerConfig(BertConfig):
    """Some tokens attend to all others."""

    def extra_specs(self) -> tuple[InputSpec, ...]:
        return (InputSpec(name="global_attention_mask", shape=self.text_shape, fill="zeros", fixed=((0, 1),)),)


class SplinterConfig(BertConfig):
    """Answers begin at a question token."""

    def fixed_tokens(self) -> tuple[tuple[int, int], ...]:
        if self.task != "question-answering":
            return ()
        return ((1, number_of(self.config, "question_token_id", default=104)),)


class MarkupLMConfig(BertConfig):
    """Every token has the path of its element in the page."""

    def extra_specs(self) -> tuple[InputSpec, ...]:
        shape = (*self.text_shape, number_of(self.config, "max_depth", default=50))
        return (
            InputSpec(name="xpath_tags_seq", shape=shape, high=number_of(self.config, "max_xpath_tag_unit_embeddings")),
            InputSpec(
                name="xpath_subs_seq", shape=shape, high=number_of(self.config, "max_xpath_subs_unit_embeddings")
            ),
        )


class VisualBertConfig(BertConfig):
    """A text, then features of an image's regions."""

    def extra_specs(self) -> tuple[InputSpec, ...]:
        shape: tuple[Dim, ...] = ("batch_size", "visual_seq_length")
        width = number_of(self.config, "visual_embedding_dim")
        return (
            InputSpec(name="visual_embeds", shape=(*shape, width), kind="float"),
            InputSpec(name="visual_attention_mask", shape=shape, kind="float", fill="ones"),
            InputSpec(name="visual_token_type_ids", shape=shape, fill="ones"),
        )

    def default_sizes(self) -> dict[str, int]:
        return {"visual_seq_length": 10}

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 1: "sequence_length + visual_seq_length"}
        return (OutputSpec(name="last_hidden_state", axes=axes),)


class LayoutConfig(TextEncoderConfig):
    """Every token has a box on the page."""

    def token_specs(self) -> tuple[InputSpec, ...]:
        high = number_of(self.config, "max_2d_position_embeddings", default=1024)
        box = InputSpec(name="bbox", shape=(*self.text_shape, 4), fill="boxes", high=min(high, 1000))
        ids, *others = super().token_specs()
        return (ids, box, *others)


class LayoutLMConfig(LayoutConfig):
    """With `token_type_ids`."""

    TOKEN_TYPES = True


class LayoutLMv3Config(LayoutConfig):
    """With the picture of the page, whose patches follow the text."""

    def extra_specs(self) -> tuple[InputSpec, ...]:
        height, width = side_of(self.config, "input_size", default=224)
        channels = number_of(self.config, "num_channels", default=3)
        return (InputSpec(name="pixel_values", shape=("batch_size", channels, height, width), kind="float"),)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        specs = super().output_specs()
        if self.task not in ("feature-extraction", "question-answering"):
            return specs
        height, width = side_of(self.config, "input_size", default=224)
        patch = number_of(self.config, "patch_size", default=16)
        length = f"sequence_length + {(height // patch) * (width // patch) + 1}"
        return tuple(OutputSpec(name=spec.name, axes={0: "batch_size", 1: length}) for spec in specs)


class PerceiverTextConfig(TextEncoderConfig):
    """The text is an array of inputs like any other."""

    def token_specs(self) -> tuple[InputSpec, ...]:
        length = number_of(self.config, "max_position_embeddings")
        low, high = ordinary_tokens(self.config)
        # The decoder of masked tokens answers for every position that there is.
        shape = ("batch_size", length) if self.task == "fill-mask" else self.text_shape
        return (
            InputSpec(name="input_ids", shape=shape, low=low, high=high, argument="inputs"),
            InputSpec(name="attention_mask", shape=shape, fill="ones"),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (OutputSpec(name="logits", axes=BATCH),)


class PerceiverConfig(PerceiverTextConfig):
    """Texts or images, by the task."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        if self.task != "image-classification":
            return super().input_specs()
        size = number_of(self.config, "image_size", default=56)
        shape = ("batch_size", 3, size, size)
        return (InputSpec(name="pixel_values", shape=shape, kind="float", argument="inputs"),)


class SentenceTransformerConfig(TextEncoderConfig):
    """sentence-transformers: a text to its tokens' embeddings and its own. All inputs go in one mapping."""

    def token_specs(self) -> tuple[InputSpec, ...]:
        low, high = ordinary_tokens(self.config)
        return (
            InputSpec(name="input_ids", shape=self.text_shape, low=low, high=high, argument="input.input_ids"),
            InputSpec(name="attention_mask", shape=self.text_shape, fill="ones", argument="input.attention_mask"),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (
            OutputSpec(name="token_embeddings", axes=TOKENS),
            OutputSpec(name="sentence_embedding", axes=BATCH),
        )
