"""Generations that advance together get what each gets alone, bit for bit, whoever comes and goes beside it."""

import adr_runtime
import numpy as np
import pytest
from adr_runtime.causal.joined import grow_together, kind, next_chunks
from adr_runtime.errors import ADRError
from hypothesis import given, settings
from hypothesis import strategies as st

SAMPLER = st.sampled_from([("ddim", 3), ("ddpm", 4), ("dpm++", 3)])


@st.composite
def requests(draw, model):
    """When a request comes, how many tokens it stays for, and what it asks for."""
    sampler, steps = draw(SAMPLER)
    asked = {
        "sampler": sampler, "steps": steps, "seed": draw(st.integers(0, 5)),
        "guidance": draw(st.sampled_from([1.0, 1.5, 3.0])), "temperature": draw(st.sampled_from([0.5, 1.0])),
    }  # fmt: skip
    if model.speakers:
        asked["speaker"] = draw(st.sampled_from([None, *model.speakers]))
    return draw(st.integers(0, 6)), draw(st.integers(1, 8)), asked


def played(parts, advance, come, leave):
    """What each part gets, round by round, in groups of one kind -> lists of arrays, and the largest group."""
    made, largest = [[] for _ in parts], 0
    for number in range(max(leave)):
        groups = {}
        for i, part in enumerate(parts):
            if come[i] <= number < leave[i] and not part.over:
                groups.setdefault(kind(part), []).append(i)
        for members in groups.values():
            largest = max(largest, len(members))
            for i, result in zip(members, advance([parts[i] for i in members]), strict=True):
                made[i].append(result)
    return made, largest


@pytest.mark.parametrize("name", ["sound", "portable-sound", "latent", "softmax-sound"])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_streams_that_come_and_go(exported, name, data):
    model = adr_runtime.load(exported[name], "cpu")
    asked = data.draw(st.lists(requests(model), min_size=1, max_size=16))
    playlists = st.lists(st.sampled_from(model.labels), min_size=1, max_size=3)
    labels = st.lists(st.sampled_from([*model.labels, None]), min_size=1, max_size=3)
    for _, _, options in asked:
        if model.manifest.ends and data.draw(st.booleans()):
            options |= {"playlist": data.draw(playlists), "pause": 0.01}
        else:
            options["label"] = data.draw(labels)
    come, stay, options = zip(*asked, strict=True)
    leave = [a + b for a, b in zip(come, stay, strict=True)]
    made, _ = played([model.stream(**o) for o in options], next_chunks, come, leave)
    for chunks, count, wanted in zip(made, stay, options, strict=True):
        alone = model.stream(**wanted)
        # The decoder's delay, which is all of the first token, is left out by a lone stream.
        heard = [chunk for chunk in chunks if chunk.shape[1]]
        assert len(chunks) == count or alone.playlist
        for chunk in heard:
            assert chunk.tobytes() == next(alone).tobytes()


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_pictures_that_come_and_go(picture, data):
    asked = data.draw(st.lists(requests(picture), min_size=1, max_size=16))
    for _, _, options in asked:
        options["label"] = data.draw(st.lists(st.sampled_from([*picture.labels, None]), min_size=1, max_size=3))
    come, _, options = zip(*asked, strict=True)
    parts = [picture.start(**o) for o in options]
    played(parts, grow_together, come, [first + picture.length for first in come])
    for part, wanted in zip(parts, options, strict=True):
        assert part.over and np.array_equal(part.images().pixels, picture.generate(**wanted).pixels)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 16, 32])
def test_shipped_speech(count):
    model = adr_runtime.AudioModel.load("speech-digits", "cpu")

    def stream(i):
        words = [model.labels[i % 10], model.labels[(i + 3) % 10]]
        return model.stream(playlist=words, seed=i, speaker=model.speakers[i % 6], temperature=0.5 + 0.1 * (i % 5))

    come, leave = [i % 3 for i in range(count)], [12] * count
    made, largest = played([stream(i) for i in range(count)], next_chunks, come, leave)
    assert largest == count
    for i, chunks in enumerate(made):
        alone = stream(i)
        assert len(chunks) == 12 - come[i] and all(np.array_equal(chunk, next(alone)) for chunk in chunks), i


def test_what_cannot_be_joined(exported):
    sound, other = (adr_runtime.load(exported[name], "cpu") for name in ("sound", "softmax-sound"))
    same = {"label": "low", "steps": 4, "seed": 1}
    for sampler, alike in (("ddim", True), ("dpm++", True), ("ddpm", False)):
        hot, cold = (sound.stream(sampler=sampler, temperature=t, **same) for t in (1.0, 0.5))
        assert (kind(hot) == kind(cold)) is alike
    stream = sound.stream(**same)
    assert kind(stream) == kind(sound.stream(label=["mid", None], guidance=3.0, steps=4))
    for changed in ({"steps": 5}, {"sampler": "ddpm"}, {"guidance": 1.0}):
        assert kind(stream) != kind(sound.stream(**{**same, **changed}))
    assert kind(stream) != kind(other.stream(**same))
    ahead = other.stream(**same)
    next(ahead)
    assert kind(ahead) != kind(other.stream(**same)), "caches of different lengths"


@pytest.mark.parametrize("graph", ["step", "head", "decode"])
def test_a_graph_that_fails_leaves_streams_where_they_were(exported, monkeypatch, graph):
    model = adr_runtime.load(exported["latent"], "cpu")
    streams = [model.stream(playlist=["low", "high"], seed=seed) for seed in range(3)]
    next_chunks(streams)
    before = [stream.state() for stream in streams]

    def fail(*_):
        raise ADRError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(model.sessions[graph], "run", fail)
        with pytest.raises(ADRError, match="no memory"):
            next_chunks(streams)
    assert [stream.state() for stream in streams] == before
    alone = [next(model.resume(state)) for state in before]
    assert all(np.array_equal(a, b) for a, b in zip(alone, next_chunks(streams), strict=True))
