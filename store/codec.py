"""Values to the bytes kept in the store, and back. Pure.

A body is the value's JSON, deflated with a dictionary of the words such bodies are made of: most are a few hundred
bytes of very similar text, which plain deflate hardly shortens.
"""

from __future__ import annotations

import functools
import zlib
from typing import Any, TypeVar, cast

import msgspec

from registry.decision import Decision
from registry.facts import CommitFacts, HubHints
from store.keys import hash64_of

T = TypeVar("T", CommitFacts, HubHints, Decision)

# The most frequent strings last: deflate reaches the end of its dictionary with the shortest distances.
# Changing this text makes every stored body unreadable; raise schema.SCHEMA_VERSION with it.
DICTIONARY = (
    b'"model.safetensors.index.json","pytorch_model.bin.index.json","flax_model.msgpack","tf_model.h5","rust_model.ot",'
    b'"onnx/model.onnx","diffusion_pytorch_model.safetensors","model_index.json","scheduler/scheduler_config.json",'
    b'"text_encoder/model.safetensors","text_encoder/config.json","unet/config.json","vae/config.json",'
    b'"1_Pooling/config.json","config_sentence_transformers.json","sentence_bert_config.json","modules.json",'
    b'"adapter_config.json","adapter_model.safetensors","added_tokens.json","chat_template.jinja","merges.txt",'
    b'"preprocessor_config.json","spiece.model","tokenizer.model","vocab.txt","vocab.json","pytorch_model-00001-of-0000'
    b'model-00001-of-0000","special_tokens_map.json","tokenizer_config.json","tokenizer.json","pytorch_model.bin",'
    b'"torch_dtype":"float32","bfloat16","transformers_version":"4.","vocab_size":"hidden_size":"num_attention_heads":'
    b'"num_hidden_layers":"intermediate_size":"max_position_embeddings":"architecture":"pretrained_cfg":"num_classes":'
    b'sentence_transformers","sentence-transformers","diffusers","timm","gguf","peft","sentence-similarity",'
    b'"feature-extraction","text-classification","text2text-generation","image-classification","image-text-to-text",'
    b'"automatic-speech-recognition","fill-mask","token-classification","AutoModelForSequenceClassification",'
    b'"AutoModelForSeq2SeqLM","base_model:quantized:","base_model:finetune:","license:apache-2.0","license:mit",'
    b'"endpoints_compatible","region:us","conversational","text-generation-inference","pytorch","safetensors",'
    b'{"pipeline_tag":null,"library_name":"transformers","tags":["transformers","pytorch","safetensors"],"gated":null,'
    b'"private":false,"disabled":false,"extract":{"architectures":["ForCausalLM"],"model_type":"llama"},"auto_model":'
    b'"AutoModelForCausalLM","auto_task":"text-generation","gguf_architecture":null}'
    b'{"filenames":[".gitattributes","README.md","config.json","generation_config.json","model.safetensors"],'
    b'"files":{"config.json":{"state":"read","content":{"architectures":["LlamaForCausalLM"],"model_type":"llama"},'
    b'"problem":null},"state":"absent","content":null,"problem":null}}}'
    b'{"library":"transformers","task":"text-generation","framework":"pt","weights":["pt"],"model_type":"llama",'
    b'"architecture":"LlamaForCausalLM","model_class":"AutoModelForCausalLM","requires_remote_code":false,'
    b'"conflict":false,"undecided":null,"candidates":[],"base_models":[],"notes":[],"evidence":[{"rule":"library",'
    b'"saw":"config.json","said":"transformers"},{"rule":"framework","saw":"model.safetensors","said":"pt"}]}'
)

_encoder = msgspec.json.Encoder()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (CommitFacts, HubHints, Decision)
}


class UnreadableBodyError(ValueError):
    """The bytes of a row are not what this codec writes."""


def encode(value: CommitFacts | HubHints | Decision) -> bytes:
    """The body of `value`: the same value gives the same bytes."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=DICTIONARY)
    return deflate.compress(_encoder.encode(value)) + deflate.flush()


def decode(kind: type[T], body: bytes) -> T:
    """The value that `body` was made from.

    Raises:
        UnreadableBodyError: `body` was damaged, or written for another kind of value.
    """
    try:
        inflate = zlib.decompressobj(-15, zdict=DICTIONARY)
        text = inflate.decompress(body)
        if not inflate.eof:
            raise UnreadableBodyError("the row is cut short")
        return cast(T, _decoders[kind].decode(text))
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableBodyError(f"the row does not hold a {kind.__name__}: {error}") from error


def hints_id(body: bytes) -> int:
    """The number that decisions name hints by, from their body."""
    return hash64_of(body)


@functools.lru_cache(maxsize=8_192)
def decode_decision(body: bytes) -> Decision:
    """As `decode`; repos alike have the very same decision, which is then decoded once and shared."""
    return decode(Decision, body)
