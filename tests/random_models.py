"""Small models with random weights, and their export."""

from pathlib import Path

SOUND = {
    "labels": ["low", "mid", "high"],
    "mdct": {"sample_rate": 800, "hop": 8},
    "backbone": {"layers": 2, "feedforward": 32, "magnitudes": True, "retention": {"width": 32, "heads": 2}},
    "head": {"width": 24, "blocks": 2, "frequencies": 8, "gaussian": True},
    "schedule": {"kind": "cosine", "timesteps": 50},
}
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
PICTURE = {
    "labels": ["dot", "bar"],
    "image": {"height": 6, "width": 4, "channels": 3, "patch": 2},
    "backbone": {"layers": 2, "feedforward": 32, "retention": {"width": 32, "heads": 2}},
    "head": {"width": 24, "blocks": 2, "frequencies": 8},
    "schedule": {"kind": "linear", "timesteps": 50, "prediction": "epsilon", "learned_variance": True},
}
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
    return model.eval()


def export(model, out: Path, dialect: str, **changes):
    from adr_export.bundle_writer import write_bundle

    about = {
        "name": out.name, "description": "Random weights, for tests", "licence": "CC0-1.0", "source": "none",
        "defaults": DEFAULTS, "clip": 4.0, "training": {"recipe": "none", "minutes": 0.0}, **changes,
    }  # fmt: skip
    return write_bundle(model, about, out, dialect, half=True, overwrite=False)
