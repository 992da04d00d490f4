"""Bundles of text to phones: graphs against PyTorch in both dialects, and bundles that others have changed."""

import json
import shutil

import adr_runtime
import numpy as np
import pytest
import torch
from adr_export import bundle_writer
from adr_export.errors import ExportError
from adr_export.kinds import check_options
from adr_export.onnx_writer import round_weights, write_onnx
from adr_export.parity import Checker
from adr_export.retimed import write_retimed
from adr_export.spoken_text import build_graph, check, inner_files, read_dictionary, write_spoken_text
from adr_models.mixers.retention import RetentionConfig
from adr_models.spoken_text.aligner import AlignerConfig, AlignerModel
from adr_models.spoken_text.durations import DurationsConfig, DurationsModel
from adr_models.spoken_text.encoder import EncoderConfig
from adr_models.spoken_text.letters import LettersConfig, LettersModel
from adr_runtime.bundles.onnx_file import check_onnx
from adr_runtime.errors import BundleError, InputError
from adr_runtime.loading import load_front_end
from adr_runtime.spoken_text.aligner import HOP, SOUNDS
from adr_runtime.spoken_text.controls import CONTROLS
from adr_runtime.spoken_text.front_end import SpokenText
from adr_runtime.spoken_text.phones import INDEX
from random_models import VOICE, export, random_model

SMALL = EncoderConfig(RetentionConfig(16, 2, 1.0), layers=1, feedforward=16, stem=3, dropout=0.1)
ABOUT = {
    "name": "small", "description": "Small", "licence": "CC0-1.0", "source": "made up", "defaults": {}, "training": {},
}  # fmt: skip
LINES = "cat K AE1 T\na AH0\na(2) EY1 # the letter\nb. B IY1\n"


def models():
    torch.manual_seed(0)
    return LettersModel(LettersConfig(SMALL)), DurationsModel(DurationsConfig(SMALL))


@pytest.mark.parametrize("dialect", ["linear-attention", "portable"])
def test_graphs_compute_what_pytorch_computes(dialect):
    for model in (*models(), DurationsModel(DurationsConfig(SMALL, ("ann", "ben")))):
        data = write_onnx(build_graph(model.eval()), dialect)
        checker = Checker()
        check(model, data, checker)
        assert len(checker.errors) == 2 and max(checker.errors.values()) < 1e-5
        check_onnx(data, "a.onnx", build_graph(model).name)


@pytest.mark.parametrize("dialect", ["linear-attention", "portable"])
def test_the_graph_of_an_aligner_computes_what_pytorch_computes_and_is_small(dialect):
    torch.manual_seed(0)
    model = AlignerModel(AlignerConfig()).eval()
    round_weights(model)
    data, checker = write_onnx(build_graph(model), dialect), Checker()
    check(model, data, checker)
    assert len(checker.errors) == 2 and max(checker.errors.values()) < 1e-4
    check_onnx(data, "align.onnx", "align")
    assert len(data) < 2**20 and sum(p.numel() for p in model.parameters()) < 500_000


@pytest.fixture
def export_voice(exported, monkeypatch):
    """export_voice(folder, files) exports the random voice with these files of a bundle inside; its own graphs, which
    are those of the bundle `voice`, are there already."""
    graphs = exported["voice"]
    monkeypatch.setattr(bundle_writer, "write_onnx", lambda graph, _: (graphs / f"{graph.name}.onnx").read_bytes())
    return lambda folder, files: export(random_model(VOICE, controls=dict(CONTROLS)), folder, "linear-attention", files)


def test_an_aligner_is_there_for_those_who_ask_for_it_and_slows_no_voice(front_ends, export_voice, tmp_path):
    others, _ = inner_files(front_ends["hearing"])
    assert "text/align.onnx" in others
    export_voice(tmp_path / "voice", others)
    samples = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    for folder in (front_ends["hearing"], tmp_path / "voice"):
        heard = load_front_end(folder).aligner.log_probabilities(samples)
        assert heard.shape == (5000 // HOP, len(SOUNDS))
        np.testing.assert_allclose(np.exp(heard).sum(1), 1, rtol=1e-5)
    assert adr_runtime.AudioModel.load(tmp_path / "voice").front_end.aligner is None
    with pytest.raises(InputError, match="too short"):
        load_front_end(tmp_path / "voice").aligner.log_probabilities(samples[:100])
    with pytest.raises(InputError, match="speaks no text"):
        load_front_end("speech-digits")


def test_paces_that_were_measured_beside_the_same_durations_are_kept(front_ends, export_voice, tmp_path):
    shutil.copytree(front_ends["front-end"], tmp_path / "front-end")
    durations = load_front_end(tmp_path / "front-end").bundle.manifest.graphs["durations"]
    told = {"pace of ann": 1.25, "paces beside": durations.sha256}
    assert inner_files(tmp_path / "front-end", ("ann",), {**told, "paces beside": "others"})[1] == ()
    files, paced = inner_files(tmp_path / "front-end", ("ann", "bob"), told)
    assert paced == ("ann",)
    export_voice(tmp_path / "voice", files)
    durations = load_front_end(tmp_path / "voice").durations
    symbols, places = ("pau", "K", "."), (0, 3, 0)
    plain = durations.seconds(symbols, places)
    np.testing.assert_allclose(durations.seconds(symbols, places, "ann"), 1.25 * plain, rtol=1e-6)
    assert (durations.seconds(symbols, places, "bob") == plain).all()
    # What a voice that goes on from this one takes over.
    assert inner_files(tmp_path / "voice", ("ann",))[1] == ("ann",) and inner_files(tmp_path / "voice")[1] == ()
    path = tmp_path / "front-end" / "manifest.json"
    whole = json.loads(path.read_text())
    for paces, says in (([["ann", 9.0]], "factors from 0.5 to 2"), ([["ann", 1.0]] * 2, "no speaker twice")):
        path.write_text(json.dumps({**whole, "paces": [{"speaker": s, "factor": f} for s, f in paces]}))
        with pytest.raises(BundleError, match=says):
            SpokenText.load(tmp_path / "front-end")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spoken")
    (folder / "cmudict.dict").write_text(LINES)
    (folder / "LICENSE").write_text("ask nobody")
    letters, durations = models()
    timed = (durations, {"minutes": 1})
    dictionary = folder / "cmudict.dict"
    write_spoken_text(letters, timed, None, dictionary, ABOUT, folder / "b", "linear-attention", True, False)
    return folder / "b"


def test_a_bundle_says_where_it_comes_from(bundle):
    model = SpokenText.load(bundle)
    assert (model.name, model.kind, model.labels) == ("small", "text", ())
    assert (bundle / "lexicon.xz.licence").read_text() == "ask nobody"
    card = (bundle / "README.md").read_text()
    assert "adr-run text" not in card and "durations" in card and "grapheme-to-phoneme" in card
    sentence = next(model.sentences("A cat."))
    assert sentence.symbols == ("pau", "AH0", "K", "AE1", "T", ".") and sentence.places == (0, 3, 1, 0, 2, 0)
    assert len(model.durations.seconds(sentence.symbols, sentence.places)) == 6
    for nothing in ("", "\0", "?!", "\U0001f600"):
        with pytest.raises(InputError, match="nothing to say"):
            list(model.sentences(nothing))
    with pytest.raises(InputError, match="text must be str, not bytes"):
        list(model.sentences([b"a cat"]))


def test_durations_know_the_speakers_that_they_name(tmp_path):
    (tmp_path / "cmudict.dict").write_text(LINES)
    letters, _ = models()
    timed = DurationsModel(DurationsConfig(SMALL, ("ann", "ben"))).eval()
    out = tmp_path / "b"
    dictionary = tmp_path / "cmudict.dict"
    write_spoken_text(letters, (timed, {}), None, dictionary, ABOUT, out, "linear-attention", False, False)
    model = SpokenText.load(out)
    assert model.bundle.manifest.speakers == ("ann", "ben")
    symbols, places = ("pau", "K", "."), (0, 3, 0)
    with torch.no_grad():
        index = torch.tensor([[INDEX[symbol] for symbol in symbols]])
        expected = timed(index.expand(3, 3), torch.tensor([places]).expand(3, 3), torch.arange(3)).exp().numpy()
    for row, speaker in enumerate(("ann", "ben", None)):
        np.testing.assert_allclose(model.durations.seconds(symbols, places, speaker), expected[row], rtol=1e-5)
    assert (model.durations.seconds(symbols, places, "eve") == model.durations.seconds(symbols, places)).all()
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps({**manifest, "speakers": []}))
    with pytest.raises(BundleError, match="speaker"):
        SpokenText.load(out)
    (out / "manifest.json").write_text(json.dumps({**manifest, "speakers": ["ann", "ann"]}))
    with pytest.raises(BundleError, match="no speaker twice"):
        SpokenText.load(out)
    graphs = {"letters": manifest["graphs"]["letters"]}
    (out / "manifest.json").write_text(json.dumps({**manifest, "graphs": graphs}))
    with pytest.raises(BundleError, match="none without durations"):
        SpokenText.load(out)


def test_durations_of_ones_own_take_the_place_of_a_bundles(bundle, tmp_path):
    torch.manual_seed(1)
    model = DurationsModel(DurationsConfig(SMALL, ("ann", "ben")))
    mine = {**ABOUT, "name": "durations", "training": {"minutes": 7, "data": "me"}}
    write_retimed(model, mine, bundle, tmp_path / "mine", True, False)
    for file in ("letters.onnx", "lexicon.xz", "lexicon.xz.licence"):
        assert (tmp_path / "mine" / file).read_bytes() == (bundle / file).read_bytes()
    old, new = (load_front_end(folder) for folder in (bundle, tmp_path / "mine"))
    before, after = old.bundle.manifest, new.bundle.manifest
    assert after.speakers == ("ann", "ben") and before.speakers == ()
    assert before.training["durations: minutes"] == 1 and after.training["durations: minutes"] == 7
    assert before.parity["letters against float32"] == after.parity["letters against float32"]
    assert after.parity["durations against float64"] < 1e-5 and after.name == before.name
    assert after.training["durations: data"] == "me" and after.training["durations: licence"] == "CC0-1.0"
    symbols, places = ("pau", "K", "AE1", "T", "."), (0, 1, 0, 2, 0)
    inputs = torch.tensor([[INDEX[symbol] for symbol in symbols]]), torch.tensor([places])
    expected = model(*inputs, torch.tensor([1]))[0].exp().detach().numpy()
    np.testing.assert_allclose(new.durations.seconds(symbols, places, "ben"), expected, rtol=1e-5)
    assert abs(old.durations.seconds(symbols, places) - expected).max() > 1e-3
    with pytest.raises(ExportError, match="exists; choose another folder or add --overwrite"):
        write_retimed(model, mine, bundle, tmp_path / "mine", True, False)


def test_durations_go_into_what_a_voice_has_inside_and_into_bundles_of_others(front_ends, exported, bundle, tmp_path):
    torch.manual_seed(1)
    about, model = {**ABOUT, "name": "mine"}, DurationsModel(DurationsConfig(SMALL, ("ann",)))
    # Of another one's making: a graph under another name, later operators, figures of the old durations.
    shutil.copytree(front_ends["hearing"], tmp_path / "hearing")
    manifest = json.loads((tmp_path / "hearing" / "manifest.json").read_text())
    manifest["graphs"]["letters"]["file"] = "spelling.onnx"
    manifest |= {"onnxruntime": "1.30.0", "quality": {"durations: error": 9.0, "letters: error": 1.0}}
    (tmp_path / "hearing" / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "hearing" / "letters.onnx").rename(tmp_path / "hearing" / "spelling.onnx")
    write_retimed(model, about, tmp_path / "hearing", tmp_path / "mine", True, False)
    made = load_front_end(tmp_path / "mine")
    assert made.aligner and made.name == "mine" and made.bundle.manifest.onnxruntime == "1.30.0"
    assert made.bundle.manifest.quality == {"letters: error": 1.0}
    inside, _ = inner_files(bundle)
    export(random_model(VOICE, controls=dict(CONTROLS)), tmp_path / "voice", "linear-attention", inside)
    with pytest.raises(ExportError, match="is a voice, in whose place there would be its text alone"):
        write_retimed(model, about, tmp_path / "voice", tmp_path / "voice", True, True)
    write_retimed(model, about, tmp_path / "voice", tmp_path / "of-a-voice", True, False)
    assert load_front_end(tmp_path / "of-a-voice").bundle.manifest.speakers == ("ann",)
    manifest |= {"dialect": "foo"}
    (tmp_path / "hearing" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ExportError, match="of the unknown dialect 'foo'"):
        write_retimed(model, about, tmp_path / "hearing", tmp_path / "no", True, False)


def test_durations_alone_make_no_bundle(bundle):
    _, durations = models()
    with pytest.raises(ExportError, match=r"adr-export RUN OUT --text BUNDLE"):
        check_options(durations, "durations", {}, False, False)
    with pytest.raises(ExportError, match="a model of durations, which has no --steps"):
        check_options(durations, "durations", {"text": bundle, "steps": 3}, False, False)
    with pytest.raises(ExportError, match="pushes no such bundle"):
        check_options(durations, "durations", {"text": bundle}, False, True)


def test_text_is_said_while_it_arrives(bundle):
    model, asked = SpokenText.load(bundle), []

    def pieces():
        for piece in ("A cat. A c", "at! A", " cat"):
            asked.append(piece)
            yield piece

    said = model.sentences(pieces())
    assert next(said).text == "A cat ." and asked == ["A cat. A c"]
    assert [sentence.text for sentence in said] == ["A cat !", "A cat ."]


@pytest.mark.parametrize("word", ["x" * 200, "cat" * 100, "o'" * 100])
def test_long_words_are_said(bundle, word):
    sentences = list(SpokenText.load(bundle).sentences(word))
    assert sentences and all(len(sentence.symbols) <= 2 * 400 + 20 for sentence in sentences)


def test_changed_bundles_are_refused(bundle, tmp_path):
    def changed(name, change):
        folder = shutil.copytree(bundle, tmp_path / name)
        manifest = json.loads((folder / "manifest.json").read_text())
        change(folder, manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(BundleError) as told:
            SpokenText.load(folder)
        assert "\n" not in str(told.value)
        return str(told.value)

    def damage(folder, manifest):
        data = bytearray((folder / "lexicon.xz").read_bytes())
        data[-20] ^= 1
        (folder / "lexicon.xz").write_bytes(data)

    assert "SHA-256" in changed("damaged", damage)
    assert "missing" in changed("missing", lambda folder, manifest: (folder / "lexicon.xz").unlink())
    assert "lexicon.file" in changed("away", lambda folder, m: m["lexicon"].update(file="../lexicon.xz"))
    assert "lexicon.bytes" in changed("huge", lambda folder, m: m["lexicon"].update(bytes=1 << 40))
    assert "graphs" in changed("without", lambda folder, m: m["graphs"].pop("letters"))
    assert "graphs.letters.outputs" in changed("other", lambda f, m: m["graphs"]["letters"]["outputs"].clear())


def test_what_is_no_dictionary_makes_no_bundle(tmp_path):
    with pytest.raises(ExportError, match="cannot read the dictionary"):
        read_dictionary(tmp_path / "none")
    (tmp_path / "bad.dict").write_text("cat K AE1 T\n\ncat\n")
    with pytest.raises(ExportError, match=r"bad\.dict:3"):
        read_dictionary(tmp_path / "bad.dict")


def test_only_voices_take_text(refused, trained_tiny, bundle):
    says = "is not told which phone to say, as a run of speech-text is; leave --text out"
    refused("adr-export", trained_tiny, "out", "--text", bundle, says=(says,))
