"""What is written of a checkpoint of each kind, and which options of adr-export are for it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from adr_models.any_order.ardm import ARDM
from adr_models.masked.model import MaskedADR
from adr_models.spoken_text.aligner import AlignerModel
from adr_models.spoken_text.durations import DurationsModel
from adr_models.spoken_text.letters import LettersModel
from adr_runtime.bundles.manifest import Manifest
from adr_runtime.causal.parts import parts_text
from adr_runtime.spoken_text.controls import CONTROLS

from adr_export.any_order import write_any_order
from adr_export.bundle_writer import About, write_bundle
from adr_export.checkpoint import Exported, load_part
from adr_export.errors import ExportError
from adr_export.masked import write_masked
from adr_export.retimed import write_retimed
from adr_export.spoken_text import inner_files, write_spoken_text

DENOISING = ("steps", "sampler", "guidance", "temperature")


def check_options(model: Exported, name: str, given: Mapping[str, Any], short: bool, push: bool) -> None:
    """Raises ExportError for options that say nothing of a model of this kind, and for what it cannot have: the short
    average, or a push."""
    if isinstance(model, DurationsModel) and "text" not in given:
        raise ExportError(
            "durations go into the bundle of a run of letters: adr-export LETTERS OUT --durations RUN; or, in place of "
            "its own, into another one: adr-export RUN OUT --text BUNDLE"
        )
    if isinstance(model, AlignerModel):
        raise ExportError("an aligner goes into the bundle of a run of letters: adr-export LETTERS OUT --aligner RUN")
    kinds: list[tuple[type[Exported], str, tuple[str, ...]]] = [
        (ARDM, "an any-order model", ("steps",)), (MaskedADR, "a masked model", (*DENOISING, "calls")),
        (LettersModel, "a model of letters", ("lexicon", "durations", "aligner")),
        (DurationsModel, "a model of durations", ("text",)),
    ]  # fmt: skip
    of = [(what, known) for kind, what, known in kinds if isinstance(model, kind)]
    what, known = of[0] if of else ("a causal model", (*DENOISING, "text"))
    foreign = [option for option in given if option not in known]
    if foreign:
        raise ExportError(f"{name} is {what}, which has no --{foreign[0]}; leave it out")
    if (
        "text" in given
        and not isinstance(model, DurationsModel)
        and getattr(model.config, "controls", None) != CONTROLS
    ):
        raise ExportError(f"{name} is not told which phone to say, as a run of speech-text is; leave --text out")
    if isinstance(model, LettersModel | DurationsModel) and push:
        raise ExportError(f"{name} is {what}; adr-export pushes no such bundle yet: leave --push out")
    if isinstance(model, ARDM) and short:
        raise ExportError(f"{name} is {what}, whose losses by step were measured with the long average; take that one")
    if isinstance(model, ARDM) and isinstance(steps := given.get("steps"), tuple):
        raise ExportError(f"--steps {parts_text(steps)}: {name} is an any-order model; give one number")
    if isinstance(model, LettersModel) and "lexicon" not in given:
        raise ExportError("give --lexicon FILE, the dictionary that the run was trained on, as cmudict.dict")


def write_any_kind(
    model: Exported, about: About, out: Path, dialect: str, half: bool, overwrite: bool,
    parts: Mapping[str, Path | None], short: bool, tell: Callable[[str], None],
) -> Manifest:  # fmt: skip
    """The manifest of the bundle that is written to `out`, with `parts` by the names of their options. Raises ADRError,
    and nothing is written then."""
    if isinstance(model, LettersModel):
        lexicon, durations, aligner = (parts[name] for name in ("lexicon", "durations", "aligner"))
        assert lexicon
        timed = load_part(durations, short, DurationsModel, "durations") if durations else None
        hearing = load_part(aligner, short, AlignerModel, "an aligner") if aligner else None
        return write_spoken_text(model, timed, hearing, lexicon, about, out, dialect, half, overwrite, tell)
    if isinstance(model, ARDM):
        return write_any_order(model, about, out, dialect, half, overwrite, tell)
    if isinstance(model, MaskedADR):
        return write_masked(model, about, out, dialect, half, overwrite, tell)
    text = parts["text"]
    if isinstance(model, DurationsModel):
        assert text
        if dialect == "portable":
            raise ExportError("durations are exported in the dialect of --text; leave --portable out")
        return write_retimed(model, about, text, out, half, overwrite, tell)
    assert not isinstance(model, AlignerModel)
    speakers = model.config.speakers
    inner, paced = inner_files(text, speakers, about["training"]) if text else (None, ())
    strangers = [speaker for speaker in speakers if paced and speaker not in paced]
    if strangers:
        tell(f"{text} knows the pace of {', '.join(paced)} and not that of {', '.join(strangers)}, who get no one's")
    return write_bundle(model, about, out, dialect, half, overwrite, tell, inner)
