"""What `adr-run text` does."""

import json

import numpy as np

from adr_runtime.any_order import AnyOrderModel
from adr_runtime.cli_code import DEFAULT_MODELS, open_any_order
from adr_runtime.errors import ADRError
from adr_runtime.limits import check_count
from adr_runtime.philox import checked_seed
from adr_runtime.variables import from_text, to_text

# Symbols of a text, some hours of work on one core.
LONGEST = 1 << 20


def text(
    name: str | None, template: str | None, hole: str, length: int | None, count: int, steps: int | None,
    seed: int | None, temperature: float, provider: str, threads: int | None, as_json: bool,
) -> None:  # fmt: skip
    """Print `count` texts, each on lines of its own."""
    if len(hole) != 1 or not hole.isascii():
        raise ADRError(f"--hole must be one ASCII character, not {hole!r}")
    check_count(count, "--count")
    model = open_any_order(name or DEFAULT_MODELS["text"], provider, threads)
    spec = model.variables
    if spec.kind != "text":
        raise ADRError(f"{model.name} makes {spec.kind}, not text")
    if template is not None and length is not None:
        raise ADRError("--template has its own length; leave --length out")
    length = spec.dimensions if length is None else length
    if not 1 <= length <= LONGEST:
        raise ADRError(f"--length must be from 1 to {LONGEST}, not {length}")
    seed = checked_seed(seed)
    made = fill(model, hole * length if template is None else template, hole, count, steps, seed, temperature)
    if as_json:
        print(json.dumps({"model": model.name, "seed": seed, "texts": made}))
    else:
        print("\n".join(made))


def fill(
    model: AnyOrderModel, template: str, hole: str, count: int, steps: int | None, seed: int, temperature: float = 1.0
) -> list[str]:
    """`count` texts in which every `hole` of the template is replaced and nothing else is touched."""
    try:
        spec, data = model.variables, template.encode()
    except UnicodeEncodeError as error:
        raise ADRError("the template is not UTF-8 text; convert it first") from error
    if not 0 < len(data) <= LONGEST:
        raise ADRError(f"a template has 1 to {LONGEST} bytes, not {len(data)}")
    holes = np.frombuffer(data, np.uint8) == ord(hole)
    blank = bytes(ord(spec.alphabet[0] if spec.alphabet else " ") if h else b for b, h in zip(data, holes, strict=True))
    symbols = from_text(blank, spec.alphabet)
    made = model.fill(symbols[None, :, None], holes[None, :, None], count, steps, seed, temperature)
    texts = []
    for row in made.reshape(count, -1):
        answer = np.frombuffer(to_text(row, spec.alphabet), np.uint8)
        texts.append(np.where(holes, answer, np.frombuffer(data, np.uint8)).tobytes().decode(errors="replace"))
    return texts
