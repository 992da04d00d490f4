"""Small models with random weights, and their export."""

from functools import cache
from pathlib import Path

SOUND = {
    "labels": ["low", "mid", "high"],
    "mdct": {"sample_rate": 800, "hop": 8},
    "backbone": {"layers": 2, "feedforward": 32, "magnitudes": True, "retention": {"width": 32, "heads": 2}},
    "head": {"width": 24, "blocks": 2, "frequencies": 8, "gaussian": True},
    "schedule": {"kind": "cosine", "timesteps": 50},
}
SOFTMAX = {**SOUND, "backbone": {**SOUND["backbone"], "layers": 1, "mixer": "softmax"}}
LATENT = {
    "labels": ["low", "mid", "high"],
    "speakers": ["ann", "ben"],
    "codec": {
        "sample_rate": 800, "hop": 4, "stride": 2, "channels": 5, "width": 16, "hidden": 24, "kernel": 3,
        "coarse": 1, "fine": 2,
    },
    "backbone": {"layers": 2, "feedforward": 32, "ends": True, "retention": {"width": 32, "heads": 2}},
    "head": {"width": 24, "blocks": 2, "frequencies": 8},
    "schedule": {"kind": "cosine", "timesteps": 50},
}  # fmt: skip
# As a vocoder has it; a token has as many samples as above.
SUNG = {
    **{name: value for name, value in LATENT.items() if name != "codec"},
    "vocoder": {"sample_rate": 800, "hop": 4, "stride": 2, "channels": 5, "cepstrum": 3, "balance": 2},
}
# As bands of noise; a token has as many samples as above.
STRUCK = {
    **{name: value for name, value in LATENT.items() if name not in ("codec", "speakers")},
    "noise_bands": {"sample_rate": 800, "hop": 4, "stride": 2, "tonal": 2, "bands": 2, "channels": 5},
}
TOLD = {
    "controls": {"phone": 5, "place": 3},
    "wave": {"sample_rate": 800, "hop": 8},
    "backbone": {"layers": 1, "feedforward": 16, "retention": {"width": 16, "heads": 2}},
    "head": {"width": 16, "blocks": 1, "frequencies": 8},
    "schedule": {"kind": "cosine", "timesteps": 50},
}
# A voice, with the controls of spoken text; its decoder is late. And the words that it finds in its dictionary.
VOICE = {
    "speakers": ["ann", "ben"],
    "mdct": {"sample_rate": 800, "hop": 8},
    "backbone": {"layers": 1, "feedforward": 16, "retention": {"width": 16, "heads": 2}},
    "head": {"width": 16, "blocks": 1, "frequencies": 8},
    "schedule": {"kind": "cosine", "timesteps": 50},
}
DICTIONARY = """a AH0
cat K AE1 T
hello HH AH0 L OW1
percent P ER0 S EH1 N T
sat S AE1 T
the DH AH0
there DH EH1 R
"""
PICTURE = {
    "labels": ["dot", "bar"],
    "image": {"height": 6, "width": 4, "channels": 3, "patch": 2},
    "backbone": {"layers": 1, "feedforward": 32, "retention": {"width": 32, "heads": 2}},
    "head": {"width": 24, "blocks": 1, "frequencies": 8},
    "schedule": {"kind": "linear", "timesteps": 50, "prediction": "epsilon", "learned_variance": True},
}
PYRAMID = {
    "labels": ["dot", "bar"],
    "pyramid": {"height": 8, "width": 8, "channels": 3, "region": 4, "levels": 3},
    "backbone": {"layers": 1, "feedforward": 32, "retention": {"width": 32, "heads": 2}},
    "head": {"width": 24, "blocks": 1, "frequencies": 8},
    "schedule": {"kind": "cosine", "timesteps": 50},
}
MASKED = {
    "labels": ["dot", "bar"],
    "pyramid": {"height": 8, "width": 12, "channels": 3, "region": 4, "levels": 3},
    "mixer": "softmax", "layers": 2, "feedforward": 32, "retention": {"width": 32, "heads": 2, "first_exponent": 2},
    "head": {"width": 24, "blocks": 2, "frequencies": 8},
    "schedule": {"kind": "cosine", "timesteps": 50},
    "masks": {"given": 0.5, "random": 0.25},
}  # fmt: skip
# Without labels; two levels whose tokens have equally many channels, so that the head needs no mask.
MASKED_PLAIN = {
    "pyramid": {"height": 8, "width": 8, "channels": 3, "region": 2, "levels": 2},
    "layers": 1, "feedforward": 16, "retention": {"width": 16, "heads": 2, "first_exponent": 2},
    "head": {"width": 16, "blocks": 1, "frequencies": 8, "shared": True},
    "schedule": {"kind": "linear", "timesteps": 50, "prediction": "epsilon", "learned_variance": True},
}  # fmt: skip
SYMBOLS = {
    "kind": "text", "shape": [1, 24, 1], "levels": 256, "branching": 256, "stem": 3, "layers": 1, "feedforward": 16,
    "retention": {"width": 16, "heads": 2, "first_exponent": 1},
}  # fmt: skip
GREYS = {
    "shape": [4, 6, 1], "levels": 6, "branching": 2, "patch": [2, 2], "layers": 1, "feedforward": 16,
    "retention": {"width": 16, "heads": 2, "first_exponent": 1},
}  # fmt: skip
COLOURS = {
    "shape": [8, 8, 3], "branching": 16, "colour": "subtract_green", "output": "logistics", "components": 3,
    "network": "unet", "widths": [8, 16], "blocks": 1, "scales": [0.6, 1.5], "rounds": 2,
}  # fmt: skip
SAMPLES = {
    "kind": "sound", "shape": [1, 16, 1], "levels": 65536, "branching": 256, "sample_rate": 8000, "patch": [1, 4],
    "output": "logistics", "components": 2, "network": "softmax", "layers": 1, "feedforward": 16, "scales": [1.0, 2.0],
    "rounds": 2, "retention": {"width": 16, "heads": 2},
}  # fmt: skip
ANY_ORDER = {"symbols": SYMBOLS, "greys": GREYS, "colours": COLOURS, "samples": SAMPLES}
DEFAULTS = {"steps": 6, "sampler": "ddim", "guidance": 2.0, "temperature": 1.0, "seconds": 0.5, "count": 4}


def random_model(config, **changes):
    """A model whose every weight is random, so that no part of it hides behind a zero initialisation."""
    import torch
    from adr_models import ADRConfig, ADRModel

    torch.manual_seed(0)
    model = ADRModel(ADRConfig.from_dict({**config, **changes}))
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    if model.config.vocoder:
        # About as loud as speech.
        model.tokens.mean.reshape(-1, model.config.vocoder.values)[:, 1] = -4.0
    return model.eval()


def random_masked(config, **changes):
    """A masked model whose every weight is random."""
    import torch
    from adr_models.masked.model import MaskedADR, MaskedADRConfig

    torch.manual_seed(0)
    model = MaskedADR(MaskedADRConfig.from_dict({**config, **changes}))
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def random_any_order(config, seed=0):
    """An ARDM with random weights, and losses that fall, to plan budgets from."""
    import torch
    from adr_models.any_order.ardm import ARDM
    from adr_models.any_order.network import ARDMConfig

    torch.manual_seed(seed)
    model = ARDM(ARDMConfig.from_dict(config)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
        if model.config.output == "softmax":
            # Opinions strong enough that what the model likes is worth coding with it.
            model.out.weight.mul_(20)
        model.step_loss.copy_(torch.linspace(5, 1, model.config.dimensions).expand_as(model.step_loss))
    return model


def quick_exports() -> None:
    """What torch.onnx.export makes anew for every graph, the table of all operators, is made once, from now on."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    made = ONNXRegistry.from_torchlib
    if not hasattr(made, "cache_info"):
        ONNXRegistry.from_torchlib = staticmethod(cache(made))


def export_any_order(model, out: Path, dialect: str = "linear-attention", **changes):
    from adr_export.any_order import write_any_order

    quick_exports()
    about = {
        "name": out.name, "description": "Random weights, for tests", "licence": "CC0-1.0", "source": "none",
        "defaults": {"steps": 6, "count": 4}, "training": {"recipe": "none", "minutes": 0.0}, **changes,
    }  # fmt: skip
    return write_any_order(model, about, out, dialect, half=True, overwrite=False)


def export_masked(model, out: Path, dialect: str = "linear-attention", **changes):
    from adr_export.masked import write_masked

    quick_exports()
    defaults = {k: v for k, v in DEFAULTS.items() if k != "seconds"} | {"calls": 6}
    about = {
        "name": out.name, "description": "Random weights, for tests", "licence": "CC0-1.0", "source": "none",
        "defaults": defaults, "clip": 4.0, "training": {"recipe": "none", "minutes": 0.0}, **changes,
    }  # fmt: skip
    return write_masked(model, about, out, dialect, half=True, overwrite=False)


def export(model, out: Path, dialect: str, others=None, **changes):
    from adr_export.bundle_writer import write_bundle

    quick_exports()
    about = {
        "name": out.name, "description": "Random weights, for tests", "licence": "CC0-1.0", "source": "none",
        "defaults": DEFAULTS, "clip": 4.0, "training": {"recipe": "none", "minutes": 0.0}, **changes,
    }  # fmt: skip
    return write_bundle(model, about, out, dialect, half=True, overwrite=False, others=others)


def export_spoken_text(out: Path, durations: bool = True, aligner: bool = False):
    """A bundle that turns text into phones, by random networks and DICTIONARY."""
    import torch
    from adr_export.spoken_text import write_spoken_text
    from adr_models.mixers.retention import RetentionConfig
    from adr_models.spoken_text.aligner import AlignerConfig, AlignerModel
    from adr_models.spoken_text.durations import DurationsConfig, DurationsModel
    from adr_models.spoken_text.encoder import EncoderConfig
    from adr_models.spoken_text.letters import LettersConfig, LettersModel

    quick_exports()
    torch.manual_seed(0)
    small = EncoderConfig(RetentionConfig(16, 2, 1.0), layers=1, feedforward=16, stem=3, dropout=0.1)
    letters, timed = LettersModel(LettersConfig(small)), (DurationsModel(DurationsConfig(small)), {})
    about = {
        "name": out.name, "description": "Random weights, for tests", "licence": "CC0-1.0", "source": "none",
        "defaults": {}, "training": {"recipe": "none", "minutes": 0.0},
    }  # fmt: skip
    dictionary = out.with_name(f"{out.name}.dict")
    dictionary.write_text(DICTIONARY)
    hearing = (AlignerModel(AlignerConfig(16, dilations=(1,))), {}) if aligner else None
    return write_spoken_text(
        letters, timed if durations else None, hearing, dictionary, about, out, "linear-attention", half=True,
        overwrite=False,
    )  # fmt: skip
