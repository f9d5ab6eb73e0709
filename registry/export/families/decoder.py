"""Configurations of decoder-only models, with or without cached keys and values. Pure."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from registry.export.config import MODEL_GRAPH, ExportConfig
from registry.export.model_config import choose_token_range, get_first, get_number
from registry.export.tensors import Dim, InputSpec, OutputSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyValueShape:
    """The shape of the cached keys and values of one layer."""

    head_count: int
    key_width: int
    value_width: int


class WithPastConfig(ExportConfig):
    """A configuration that can have cached keys and values.

    With `use_past` the graph returns them, as `present.*`. With `use_past_in_inputs` it also takes those of the
    previous tokens, as `past_key_values.*`; it is then called with the new tokens only.
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

    def build_graph_configs(self) -> dict[str, ExportConfig]:
        if not self.use_past:
            return super().build_graph_configs()
        # One graph serves the first step too: its cached keys and values then have length 0.
        taking = copy.copy(self)
        taking.use_past_in_inputs = True
        return {MODEL_GRAPH: taking}


class TextDecoderConfig(WithPastConfig):
    """`input_ids`, `attention_mask` over past and new tokens, and `position_ids` if `POSITION_IDS`."""

    POSITION_IDS: ClassVar[bool] = False

    @property
    def text_config(self) -> Any:
        """The config of the text decoder."""
        return get_first(self.config, "text_config", default=self.config)

    @property
    def has_position_ids(self) -> bool:
        """Whether the model type takes `position_ids`."""
        return self.POSITION_IDS

    def get_key_value_shapes(self) -> tuple[KeyValueShape, ...]:
        """The shape of the cached keys and values of each layer."""
        config = self.text_config
        attention_heads = get_number(config, "num_attention_heads", "n_head", "n_heads", "num_heads")
        hidden = get_number(config, "hidden_size", "n_embd", "d_model")
        width = get_number(config, "head_dim", default=hidden // attention_heads)
        count = get_number(config, "num_key_value_heads", default=attention_heads)
        layers = get_number(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
        return (KeyValueShape(head_count=count, key_width=width, value_width=width),) * layers

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        low, high = choose_token_range(self.text_config)
        new: tuple[Dim, ...] = ("batch_size", "sequence_length")
        start: Dim = "past_sequence_length" if self.use_past_in_inputs else 0
        ids = InputSpec(name="input_ids", shape=new, low=low, high=high)
        mask = InputSpec(name="attention_mask", shape=("batch_size", self.attention_mask_length), fill="ones")
        positions = InputSpec(name="position_ids", shape=new, fill="range", start=start)
        with_positions = self.has_position_ids and self.task in ("feature-extraction", "text-generation")
        return (ids, mask, *((positions,) if with_positions else ()), *self.build_past_inputs())

    @property
    def attention_mask_length(self) -> Dim:
        """The length of the attention mask: past and new tokens."""
        return "past_sequence_length + sequence_length" if self.use_past_in_inputs else "sequence_length"

    def build_past_inputs(self) -> tuple[InputSpec, ...]:
        """Cached keys and values of the previous tokens, by layer; empty unless `use_past_in_inputs`."""
        if not self.use_past_in_inputs:
            return ()
        specs = []
        for layer, cached in enumerate(self.get_key_value_shapes()):
            for part, width in (("key", cached.key_width), ("value", cached.value_width)):
                shape = ("batch_size", cached.head_count, "past_sequence_length", width)
                specs.append(InputSpec(name=f"past_key_values.{layer}.{part}", shape=shape, kind="float"))
        return tuple(specs)

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        return (*super().build_output_specs(), *self.build_present_outputs())

    def build_present_outputs(self) -> tuple[OutputSpec, ...]:
        """Cached keys and values of past and new tokens, by layer; empty unless `use_past`."""
        if not self.use_past:
            return ()
        length = self.attention_mask_length
        axes = {0: "batch_size", 2: length if isinstance(length, str) else "sequence_length"}
        return tuple(
            OutputSpec(name=f"present.{layer}.{part}", axes=axes, source=f"past_key_values.{layer}.{part}")
            for layer in range(len(self.get_key_value_shapes()))
            for part in ("key", "value")
        )


class PositionIdsDecoderConfig(TextDecoderConfig):
    """A decoder that takes `position_ids`."""

    POSITION_IDS = True


class MultiQueryDecoderConfig(PositionIdsDecoderConfig):
    """GPT BigCode: multi-query attention, in which all heads share one key and one value, if `multi_query`."""

    def get_key_value_shapes(self) -> tuple[KeyValueShape, ...]:
        shapes = super().get_key_value_shapes()
        return _share_one_head(shapes) if get_first(self.config, "multi_query", default=True) else shapes


class FalconConfig(PositionIdsDecoderConfig):
    """Falcon: no `position_ids` with ALiBi; multi-query attention in the first models, grouped-query in later ones."""

    @property
    def has_position_ids(self) -> bool:
        return not get_first(self.config, "alibi", default=False)

    def get_key_value_shapes(self) -> tuple[KeyValueShape, ...]:
        shapes = super().get_key_value_shapes()
        if get_first(self.config, "new_decoder_architecture", default=False):
            count = get_number(self.config, "num_kv_heads", default=self.config.num_attention_heads)
            return tuple(
                KeyValueShape(head_count=count, key_width=item.key_width, value_width=item.value_width)
                for item in shapes
            )
        return _share_one_head(shapes) if get_first(self.config, "multi_query", default=True) else shapes


class LatentAttentionConfig(PositionIdsDecoderConfig):
    """DeepSeek V3: the cache holds the compressed latents of keys and values, and the rotary part of the keys.

    transformers 5.23 does so; earlier versions cached the keys and values themselves.
    """

    def get_key_value_shapes(self) -> tuple[KeyValueShape, ...]:
        config = self.text_config
        latents = KeyValueShape(
            head_count=1,
            key_width=get_number(config, "kv_lora_rank"),
            value_width=get_number(config, "qk_rope_head_dim"),
        )
        return (latents,) * get_number(config, "num_hidden_layers")


class ImageGPTConfig(TextDecoderConfig):
    """ImageGPT: the tokens are colour clusters. Its tasks are exported without past."""

    SUPPORTS_PAST = False


class DecisionTransformerConfig(ExportConfig):
    """Decision Transformer: states, actions and returns to the next ones."""

    def build_input_specs(self) -> tuple[InputSpec, ...]:
        steps: tuple[Dim, ...] = ("batch_size", "sequence_length")
        states = get_number(self.config, "state_dim")
        actions = get_number(self.config, "act_dim")
        return (
            InputSpec(name="states", shape=(*steps, states), kind="float"),
            InputSpec(name="actions", shape=(*steps, actions), kind="float"),
            InputSpec(name="timesteps", shape=steps, high=get_number(self.config, "max_ep_len")),
            InputSpec(name="returns_to_go", shape=(*steps, 1), kind="float"),
            InputSpec(name="attention_mask", shape=steps, fill="ones"),
        )

    def build_output_specs(self) -> tuple[OutputSpec, ...]:
        axes = {0: "batch_size", 1: "sequence_length"}
        names = ("state_preds", "action_preds", "return_preds")
        # The sequence has a return, a state and an action for each step.
        hidden = {0: "batch_size", 1: "3 * sequence_length"}
        return (
            *(OutputSpec(name=name, axes=axes) for name in names),
            OutputSpec(name="last_hidden_state", axes=hidden),
        )


def _share_one_head(shapes: tuple[KeyValueShape, ...]) -> tuple[KeyValueShape, ...]:
    return tuple(KeyValueShape(head_count=1, key_width=item.key_width, value_width=item.value_width) for item in shapes)
