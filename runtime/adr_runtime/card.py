"""The model card of a bundle, written from its manifest alone, so that it can say nothing else."""

from adr_runtime.manifest import Flat, Manifest


def model_card(manifest: Manifest) -> str:
    """README.md of a bundle: front matter as model hubs read it, use, data and licence, quality, parity."""
    kind = "audio" if manifest.audio else "image"
    example = f" --label {manifest.labels[-1]}" if manifest.labels else ""
    sections = [
        "---",
        f"license: {manifest.licence.lower()}",
        "library_name: adr",
        f"tags: [autoregressive-diffusion, onnx, {kind}]",
        "---",
        "",
        f"# {manifest.name}",
        "",
        f"{manifest.description}.",
        "",
        f"    adr-run {kind} --model {manifest.name}{example}",
        "",
        f"- Data: {manifest.data}",
        f"- Licence: {manifest.licence}",
        f"- Labels: {', '.join(manifest.labels) or 'none'}",
        f"- Output: {output_line(manifest)}",
        f"- Dialect: {manifest.dialect}",
    ]
    for title, values in (
        ("Training", manifest.training),
        ("Quality", manifest.quality),
        ("Parity", manifest.parity),
    ):
        if values:
            sections += ["", f"## {title}", "", *table(values)]
    return "\n".join(sections) + "\n"


def output_line(manifest: Manifest) -> str:
    if manifest.audio:
        return f"sound at {manifest.audio.sample_rate} Hz, {manifest.audio.hop} samples a token"
    assert manifest.image is not None
    return f"pictures of {manifest.image.width} x {manifest.image.height} pixels, {manifest.image.channels} channel(s)"


def table(values: Flat) -> list[str]:
    def shown(value: object) -> str:
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return ["| what | value |", "|---|---|", *(f"| {name} | {shown(value)} |" for name, value in values.items())]
