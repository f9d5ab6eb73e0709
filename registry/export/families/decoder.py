"""Models that write a text token by token, with or without cached keys and values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from registry.export.config import ExportConfig
from registry.export.model_config import first_of, number_of, ordinary_tokens
from registry.export.tensors import Dim, InputSpec, OutputSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """The attention heads of a layer as they are cached: how many, and how wide a key and a value are."""

    count: int
    key_width: int
    value_width: int


class WithPastConfig(ExportConfig):
    """A configuration that may have cached keys and values.

    With `use_past` the graph gives them, as `present.*`; with `use_past_in_inputs` it also takes those of the tokens
    before, as `past_key_values.*`, and is then called with the new tokens only.
    """

    SUPPORTS_PAST = True

    def __init__(
        self,
        config: Any,
        task: str = "feature-extraction",
        int_dtype: str = "int64",
        float_dtype: str = "fp32",
        use_past: bool = False,
        use_past_in_inputs: bool = False,
        preprocessors: list[Any] | None = None,
    ) -> None:
        super().__init__(config, task, int_dtype, float_dtype, preprocessors)
        self._use_past = use_past
        self.use_past_in_inputs = use_past_in_inputs

    @property
    def use_past(self) -> bool:
        return self._use_past


class TextDecoderConfig(WithPastConfig):
    """`input_ids`, `attention_mask` over past and new tokens, and `position_ids` where `POSITION_IDS`."""

    POSITION_IDS: ClassVar[bool] = False

    @property
    def text_config(self) -> Any:
        """The config of the model that writes."""
        return first_of(self.config, "text_config", default=self.config)

    @property
    def has_position_ids(self) -> bool:
        """Whether the model type takes `position_ids`."""
        return self.POSITION_IDS

    def heads(self) -> tuple[Heads, ...]:
        """What is cached of each layer."""
        config = self.text_config
        attention = number_of(config, "num_attention_heads", "n_head", "n_heads", "num_heads")
        hidden = number_of(config, "hidden_size", "n_embd", "d_model")
        width = number_of(config, "head_dim", default=hidden // attention)
        count = number_of(config, "num_key_value_heads", default=attention)
        layers = number_of(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
        return (Heads(count=count, key_width=width, value_width=width),) * layers

    def input_specs(self) -> tuple[InputSpec, ...]:
        low, high = ordinary_tokens(self.text_config)
        new: tuple[Dim, ...] = ("batch_size", "sequence_length")
        start: Dim = "past_sequence_length" if self.use_past_in_inputs else 0
        ids = InputSpec(name="input_ids", shape=new, low=low, high=high)
        mask = InputSpec(name="attention_mask", shape=("batch_size", self.attended), fill="ones")
        positions = InputSpec(name="position_ids", shape=new, fill="range", start=start)
        with_positions = self.has_position_ids and self.task in ("feature-extraction", "text-generation")
        return (ids, mask, *((positions,) if with_positions else ()), *self.past_inputs())

    @property
    def attended(self) -> Dim:
        """The length that the attention mask has."""
        return "past_sequence_length + sequence_length" if self.use_past_in_inputs else "sequence_length"

    def past_inputs(self) -> tuple[InputSpec, ...]:
        """Cached keys and values of the tokens before, layer by layer; none unless `use_past_in_inputs`."""
        if not self.use_past_in_inputs:
            return ()
        specs = []
        for layer, heads in enumerate(self.heads()):
            for part, width in (("key", heads.key_width), ("value", heads.value_width)):
                shape = ("batch_size", heads.count, "past_sequence_length", width)
                specs.append(InputSpec(name=f"past_key_values.{layer}.{part}", shape=shape, kind="float"))
        return tuple(specs)

    def output_specs(self) -> tuple[OutputSpec, ...]:
        return (*super().output_specs(), *self.present_outputs())

    def present_outputs(self) -> tuple[OutputSpec, ...]:
        """Cached keys and values of all tokens so far, layer by layer; none unless `use_past`."""
        if not self.use_past:
            return ()
        axes = {0: "batch_size", 2: self.attended if isinstance(self.attended, str) else "sequence_length"}
        return tuple(
            OutputSpec(name=f"present.{layer}.{part}", axes=axes, source=f"past_key_values.{layer}.{part}")
            for layer in range(len(self.heads()))
            for part in ("key", "value")
        )


class PositionedDecoderConfig(TextDecoderConfig):
    """With `position_ids`."""

    POSITION_IDS = True


class OneKeyDecoderConfig(PositionedDecoderConfig):
    """GPT BigCode: all heads share one key and one value where `multi_query`."""

    def heads(self) -> tuple[Heads, ...]:
        return _one_key(super().heads()) if first_of(self.config, "multi_query", default=True) else super().heads()


class FalconConfig(PositionedDecoderConfig):
    """No positions with ALiBi; one key for all heads in the first models, fewer keys than heads in later ones."""

    @property
    def has_position_ids(self) -> bool:
        return not first_of(self.config, "alibi", default=False)

    def heads(self) -> tuple[Heads, ...]:
        if first_of(self.config, "new_decoder_architecture", default=False):
            count = number_of(self.config, "num_kv_heads", default=self.config.num_attention_heads)
            return tuple(
                Heads(count=count, key_width=item.key_width, value_width=item.value_width) for item in super().heads()
            )
        return _one_key(super().heads()) if first_of(self.config, "multi_query", default=True) else super().heads()


class LatentAttentionConfig(PositionedDecoderConfig):
    """DeepSeek V3: what is cached are the latents that all heads' keys and values are made of, and the keys' part with
    position (as transformers 5.23 does; earlier versions cached the keys and values themselves)."""

    def heads(self) -> tuple[Heads, ...]:
        config = self.text_config
        latents = Heads(
            count=1,
            key_width=number_of(config, "kv_lora_rank"),
            value_width=number_of(config, "qk_rope_head_dim"),
        )
        return (latents,) * number_of(config, "num_hidden_layers")


class ImageGPTConfig(TextDecoderConfig):
    """The tokens are clusters of colours; a past has no use for what it is exported for."""

    SUPPORTS_PAST = False


class DecisionTransformerConfig(ExportConfig):
    """States, actions and returns to the next of them."""

    def input_specs(self) -> tuple[InputSpec, ...]:
        steps: tuple[Dim, ...] = ("batch_size", "sequence_length")
        states = number_of(self.config, "state_dim")
        actions = number_of(self.config, "act_dim")
        return (
            InputSpec(name="states", shape=(*steps, states), kind="float"),
            InputSpec(name="actions", shape=(*steps, actions), kind="float"),
            InputSpec(name="timesteps", shape=steps, high=number_of(self.config, "max_ep_len")),
            InputSpec(name="returns_to_go", shape=(*steps, 1), kind="float"),
            InputSpec(name="attention_mask", shape=steps, fill="ones"),
        )

    def output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 1: "sequence_length"}
        names = ("state_preds", "action_preds", "return_preds")
        # One hidden state for each return, state and action.
        hidden = {0: "batch_size", 1: "3 * sequence_length"}
        return (
            *(OutputSpec(name=name, axes=axes) for name in names),
            OutputSpec(name="last_hidden_state", axes=hidden),
        )


def _one_key(heads: tuple[Heads, ...]) -> tuple[Heads, ...]:
    return tuple(Heads(count=1, key_width=item.key_width, value_width=item.value_width) for item in heads)
