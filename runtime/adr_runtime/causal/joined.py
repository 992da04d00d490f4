"""Generations that advance together: the rows of all in one run of each graph, and what comes out is each one's again.

A graph knows nothing of the row beside: what a row gives does not depend on the others. On the CPU, in float32, it is
the very same numbers, of which there is a test.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from adr_runtime.causal.image_model import Growing
from adr_runtime.causal.stream import Stream
from adr_runtime.inference.outputs import shape_of
from adr_runtime.inference.session import Session, to_host

# Where the rows of the head's inputs are, if not in the first dimension; and those inputs that all rows share.
AXES = {"condition": 1, "mix": 1, "noise": 1}
SHARED = ("modulation", "coefficients", "clip")
Outputs = dict[str, np.ndarray]


def kind(part: Stream | Growing) -> Hashable:
    """What is of one kind can be joined: of one model, with the same sampler's table, guidance rows and lengths of
    caches. Labels, speakers, seeds, rows and the scale of guidance may differ, and so may the temperature where it
    scales the initial noise alone."""
    generator, state = part.generator, part.progress
    settings, states = generator.settings, (*state.backbone.values(), *state.decoder.values())
    denoising = settings.denoising(state.position, generator.manifest.tokens.length)
    table = denoising.steps, settings.sampler, denoising.temperature if settings.sampler == "ddpm" else None
    return id(generator.opened), generator.guidance_rows, table, tuple(shape_of(value)[1:] for value in states)


def next_chunks(streams: Sequence[Stream]) -> list[np.ndarray]:
    """The next token of streams of one kind that are not over, whatever their `chunk_tokens`, as samples float32
    (count, samples) of each: none where all of them are the decoder's delay. Raises ADRError, and no stream has moved
    then."""
    stepped, tokens = next_tokens(streams)
    feeds = [{"tokens": t[:, None], **stream.progress.decoder} for t, stream in zip(tokens, streams, strict=True)]
    decoded = run(streams[0].generator.sessions["decode"], feeds, [len(token) for token in tokens])
    chunks = []
    for stream, outputs, token, out in zip(streams, stepped, tokens, decoded, strict=True):
        stream.generator.move(stream.progress, outputs, token)
        stream.progress.decoder = stream.generator.carried(out, "decode")
        stream.turn()
        chunks.append(stream.emit(out["samples"]))
    return chunks


def grow_together(pictures: Sequence[Growing]) -> list[np.ndarray]:
    """Make the next token float32 (batch, channels) of pictures of one kind that are not over. Raises ADRError, and
    none has grown then."""
    stepped, tokens = next_tokens(pictures)
    for growing, outputs, token in zip(pictures, stepped, tokens, strict=True):
        growing.generator.move(growing.progress, outputs, token)
        growing.tokens.append(token)
    return tokens


def next_tokens(parts: Sequence[Stream] | Sequence[Growing]) -> tuple[list[Outputs], list[np.ndarray]]:
    """What `step` puts out for each, and its next token (batch, channels); states are as they were."""
    pairs = [(part.generator, part.progress) for part in parts]
    sessions, counts = pairs[0][0].sessions, [generator.batch for generator, _ in pairs]
    rows = [generator.guidance_rows * generator.batch for generator, _ in pairs]
    stepped = run(sessions["step"], [generator.step_feed(state) for generator, state in pairs], rows)
    feeds = [g.head_feed(state, out["condition"]) for (g, state), out in zip(pairs, stepped, strict=True)]
    return stepped, [out["token"] for out in run(sessions["head"], feeds, counts)]


def run(session: Session, feeds: Sequence[dict[str, Any]], rows: Sequence[int]) -> list[Outputs]:
    """The outputs of each feed, of so many rows, out of one run with the rows of all."""
    if len(feeds) == 1:
        return [session.run(feeds[0])]
    joined = {
        name: value if name in SHARED else np.concatenate([to_host(feed[name]) for feed in feeds], AXES.get(name, 0))
        for name, value in feeds[0].items()
    }
    outputs, ends = session.run(joined), np.cumsum(rows)
    # Copies, so that a stream that waits for its reader does not keep the rows of all others in memory.
    return [
        {name: value[end - count : end].copy() for name, value in outputs.items()}
        for count, end in zip(rows, ends, strict=True)
    ]
