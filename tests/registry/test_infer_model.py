"""Inferring library, task and framework of a model: with stand-in classes, and with real ones where installed."""

from __future__ import annotations

from typing import Any

import pytest

from registry.defaults import default_registry
from registry.errors import UnknownModelError
from registry.queries.infer_model import infer_framework, infer_library, infer_task, infer_task_from_class


def stand_in(module: str, name: str, *bases: type, metaclass: type = type, **attributes: Any) -> Any:
    """A class that appears to be defined in `module`."""
    return metaclass(name, bases, {"__module__": module, **attributes})


class Meta(type):
    """A metaclass with an `mro` of its own."""

    def mro(cls) -> list[type]:
        return super().mro()


MODULE = stand_in("torch.nn.modules.module", "Module")
KERAS = stand_in("keras.src.models.model", "Model")
PRETRAINED = stand_in("transformers.modeling_utils", "PreTrainedModel", MODULE)
BERT = stand_in("transformers.models.bert.modeling_bert", "BertForMaskedLM", PRETRAINED)
LLAMA = stand_in("transformers.models.llama.modeling_llama", "LlamaForCausalLM", PRETRAINED)
PIPELINE = stand_in("diffusers.pipelines.pipeline_utils", "DiffusionPipeline")
FLUX = stand_in("diffusers.pipelines.flux.pipeline_flux", "FluxPipeline", PIPELINE)
ST = stand_in("sentence_transformers.SentenceTransformer", "SentenceTransformer", MODULE)
TUNER = stand_in("peft.tuners.lora.model", "LoraModel", MODULE)
PEFT = stand_in("peft.peft_model", "PeftModel", MODULE)
PEFT_LM = stand_in("peft.peft_model", "PeftModelForCausalLM", PEFT)
RESNET = stand_in("timm.models.resnet", "ResNet", MODULE)

CLASSES = (
    # (class, library, task, framework)
    (BERT, "transformers", "fill-mask", "pt"),
    (stand_in("__main__", "Mine", BERT), "transformers", "fill-mask", "pt"),
    (stand_in("__main__", "BertForTokenClassification", LLAMA), "transformers", "text-generation", "pt"),
    (stand_in("__main__", "Mixed", stand_in("__main__", "Mixin"), BERT), "transformers", "fill-mask", "pt"),
    (stand_in("__main__", "WithMeta", BERT, metaclass=Meta), "transformers", "fill-mask", "pt"),
    (
        stand_in("transformers.models.bert.modeling_tf_bert", "TFBertForSequenceClassification", KERAS),
        "transformers",
        "text-classification",
        "tf",
    ),
    (
        stand_in(
            "transformers.models.bert.modeling_flax_bert", "FlaxBertForMaskedLM", stand_in("flax.linen", "Module")
        ),
        "transformers",
        "fill-mask",
        "flax",
    ),
    (
        stand_in("transformers.models.auto.modeling_auto", "AutoModelForCTC"),
        "transformers",
        "automatic-speech-recognition",
        None,
    ),
    (
        stand_in("transformers.models.auto.modeling_tf_auto", "TFAutoModelForMaskedLM"),
        "transformers",
        "fill-mask",
        None,
    ),
    (
        stand_in("transformers.models.vits.modeling_vits", "VitsModel", PRETRAINED),
        "transformers",
        "text-to-audio",
        "pt",
    ),
    (
        stand_in("transformers_modules.org.repo.modeling", "FooForCausalLM", PRETRAINED),
        "transformers",
        "text-generation",
        "pt",
    ),
    (
        stand_in("transformers_modules.org.repo.modeling", "FooModel", PRETRAINED),
        "transformers",
        "feature-extraction",
        "pt",
    ),
    (FLUX, "diffusers", "text-to-image", "pt"),
    (stand_in("__main__", "MyFlux", FLUX), "diffusers", "text-to-image", "pt"),
    (stand_in("diffusers.pipelines.auto_pipeline", "AutoPipelineForInpainting"), "diffusers", "inpainting", "pt"),
    (ST, "sentence_transformers", "sentence-similarity", "pt"),
    (
        stand_in("sentence_transformers.cross_encoder", "CrossEncoder", MODULE),
        "sentence_transformers",
        "text-ranking",
        "pt",
    ),
    (
        stand_in("sentence_transformers.sparse_encoder", "SparseEncoder", ST),
        "sentence_transformers",
        "feature-extraction",
        "pt",
    ),
    (PEFT_LM, "peft", "text-generation", "pt"),
    (stand_in("peft.auto", "AutoPeftModelForSeq2SeqLM"), "peft", "text2text-generation", None),
    (RESNET, "timm", "image-classification", "pt"),
    (stand_in("open_clip.model", "CLIP", MODULE), "open_clip", "zero-shot-image-classification", "pt"),
    (stand_in("setfit.modeling", "SetFitModel"), "setfit", "text-classification", None),
)


@pytest.mark.parametrize(("model_class", "library", "task", "framework"), CLASSES)
def test_a_class_and_its_instance_are_known_by_their_ancestors(
    model_class: type, library: str, task: str, framework: str | None
) -> None:
    registry = default_registry()
    for model in (model_class, object.__new__(model_class)):
        assert infer_library(model, registry) == library
        assert infer_task(model, registry) == task
        assert infer_framework(model) == framework
    assert infer_task_from_class(model_class, registry) == task


def test_a_wrapped_model_has_the_task_of_the_one_inside() -> None:
    registry = default_registry()
    tuner = TUNER()
    tuner.model = BERT()
    wrapped = PEFT()
    wrapped.base_model = tuner
    prompt = PEFT_LM()
    prompt.base_model = LLAMA()
    prompt.base_model.model = object()
    compiled = stand_in("torch._dynamo.eval_frame", "OptimizedModule", MODULE)()
    compiled._orig_mod = wrapped

    assert infer_task(wrapped, registry) == "fill-mask"
    assert infer_library(wrapped, registry) == "peft"
    assert infer_task(prompt, registry) == "text-generation"
    assert (infer_library(compiled, registry), infer_task(compiled, registry)) == ("peft", "fill-mask")


def test_a_timm_model_without_classes_gives_features() -> None:
    model = RESNET()
    model.num_classes = 0

    assert infer_task(model, default_registry()) == "image-feature-extraction"


@pytest.mark.parametrize(
    "model",
    [
        stand_in("__main__", "BertForMaskedLM"),
        stand_in("mine.transformers", "BertForMaskedLM", MODULE),
        PRETRAINED,
        PIPELINE,
        PEFT,
        stand_in("diffusers.models.autoencoders", "AutoencoderKL", MODULE),
        object(),
        type,
        Meta,
    ],
)
def test_a_model_without_a_task_is_refused(model: object) -> None:
    with pytest.raises(UnknownModelError):
        infer_task(model, default_registry())


def test_only_a_class_is_taken_for_a_class() -> None:
    with pytest.raises(TypeError, match="instance of LlamaForCausalLM"):
        infer_task_from_class(LLAMA(), default_registry())


@pytest.mark.filterwarnings("ignore")
def test_real_models_of_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=16
    )
    registry = default_registry()

    assert infer_task(transformers.BertForMaskedLM(config), registry) == "fill-mask"
    assert infer_task(transformers.BertModel, registry) == "feature-extraction"
    assert infer_framework(transformers.BertModel(config)) == "pt"


@pytest.mark.filterwarnings("ignore")
def test_real_models_of_peft() -> None:
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=16
    )
    lora = peft.get_peft_model(
        transformers.BertForSequenceClassification(config), peft.LoraConfig(target_modules=["query"])
    )
    gpt2 = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=16))
    prompt = peft.get_peft_model(gpt2, peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2))
    registry = default_registry()

    assert (infer_library(lora, registry), infer_task(lora, registry)) == ("peft", "text-classification")
    assert (infer_library(prompt, registry), infer_task(prompt, registry)) == ("peft", "text-generation")
    assert infer_task_from_class(type(prompt), registry) == "text-generation"


@pytest.mark.filterwarnings("ignore")
def test_real_pipelines_of_diffusers() -> None:
    pytest.importorskip("torch")
    diffusers = pytest.importorskip("diffusers")
    unet = diffusers.UNet2DModel(
        sample_size=8,
        block_out_channels=(32,),
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        layers_per_block=1,
    )
    pipeline = diffusers.DDPMPipeline(unet=unet, scheduler=diffusers.DDPMScheduler())
    registry = default_registry()

    assert infer_library(pipeline, registry) == "diffusers"
    assert infer_task(pipeline, registry) == "unconditional-image-generation"
    assert infer_task_from_class(diffusers.DDPMPipeline, registry) == "unconditional-image-generation"
    with pytest.raises(UnknownModelError):
        infer_task(diffusers.AutoencoderKL, registry)


@pytest.mark.filterwarnings("ignore")
def test_real_models_of_sentence_transformers() -> None:
    library = pytest.importorskip("sentence_transformers")
    kinds = (library.SentenceTransformer, library.CrossEncoder, library.SparseEncoder)
    registry = default_registry()

    assert [infer_task_from_class(kind, registry) for kind in kinds] == [
        "sentence-similarity",
        "text-ranking",
        "feature-extraction",
    ]
    assert {infer_library(kind, registry) for kind in kinds} == {"sentence_transformers"}


@pytest.mark.filterwarnings("ignore")
def test_real_models_of_timm() -> None:
    timm = pytest.importorskip("timm")
    registry = default_registry()
    model = timm.create_model("test_resnet", pretrained=False)

    assert (infer_library(model, registry), infer_task(model, registry)) == ("timm", "image-classification")
    assert infer_task(timm.create_model("test_resnet", num_classes=0), registry) == "image-feature-extraction"
