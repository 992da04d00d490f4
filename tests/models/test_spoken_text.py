"""Letters to phones and phones to durations: CTC against a sum over all alignments, rows alone and in a batch."""

import itertools

import numpy as np
import pytest
import torch
from adr_models.mixers.retention import RetentionConfig
from adr_models.spoken_text import durations, letters
from adr_models.spoken_text.durations import DurationsConfig, DurationsModel
from adr_models.spoken_text.encoder import EncoderConfig
from adr_models.spoken_text.letters import LettersConfig, LettersModel
from adr_runtime.spoken_text.letters import CLASSES, LETTERS, SLOTS
from adr_runtime.spoken_text.phones import PLACES, SYMBOLS

SMALL = EncoderConfig(RetentionConfig(16, 2, 1.0), layers=2, feedforward=16, stem=3, dropout=0.0)


@pytest.fixture
def words():
    torch.manual_seed(0)
    return LettersModel(LettersConfig(SMALL)).double().eval()


def test_the_loss_is_minus_the_logarithm_of_the_sum_over_all_alignments(words):
    letters_of_word = torch.tensor([[3, 4]])
    phones = torch.tensor([[5, 5]])
    log_p = words(letters_of_word)[0].detach()
    assert log_p.shape == (2 * SLOTS, CLASSES)
    total = 0.0
    # Whatever else a slot may hold changes what is said.
    for path in itertools.product((0, 5), repeat=2 * SLOTS):
        kept = [number for number, _ in itertools.groupby(path) if number]
        if kept == [5, 5]:
            total += log_p[range(2 * SLOTS), list(path)].sum().exp().item()
    loss = words.loss(letters_of_word, phones, torch.tensor([2]))
    assert float(loss) == pytest.approx(-torch.tensor(total).log().item(), rel=1e-5)


def test_a_word_gives_the_same_alone_and_beside_longer_ones(words):
    generator = torch.Generator().manual_seed(1)
    whole = torch.randint(len(LETTERS), (3, 9), generator=generator)
    lengths = (9, 4, 1)
    rows = whole.clone()
    for row, length in enumerate(lengths):
        rows[row, length:] = letters.PADDING
    together = words(rows)
    for row, length in enumerate(lengths):
        alone = words(whole[row : row + 1, :length])[0]
        assert torch.allclose(together[row, : SLOTS * length], alone, atol=1e-10)


def test_each_speaker_has_a_pace_of_its_own():
    torch.manual_seed(0)
    model = DurationsModel(DurationsConfig(SMALL, ("ann", "ben"))).double().eval()
    symbols, places = torch.full((3, 5), 7), torch.zeros(3, 5, dtype=torch.int64)
    made = model(symbols, places, torch.arange(3))
    assert not torch.allclose(made[0], made[1]) and not torch.allclose(made[1], made[2])
    assert torch.allclose(made[1:2], model(symbols[:1], places[:1], torch.tensor([1])), atol=1e-12)


def test_a_sentence_gives_the_same_alone_and_beside_longer_ones():
    torch.manual_seed(0)
    model = DurationsModel(DurationsConfig(SMALL)).double().eval()
    generator = torch.Generator().manual_seed(1)
    symbols = torch.randint(len(SYMBOLS), (2, 30), generator=generator)
    places = torch.randint(PLACES, (2, 30), generator=generator)
    rows = symbols.clone()
    rows[1, 11:] = durations.PADDING
    assert torch.allclose(model(rows, places)[1, :11], model(symbols[1:, :11], places[1:, :11])[0], atol=1e-10)
    target = torch.randn(2, 30, generator=generator, dtype=torch.float64)
    expected = sum((model(symbols[i : i + 1, :n], places[i : i + 1, :n]).float() - target[i, :n]).abs().sum()
                   for i, n in ((0, 30), (1, 11)))  # fmt: skip
    assert float(model.loss(rows, places, target)) == pytest.approx(float(expected), rel=1e-5)


def test_what_makes_phones_late_costs_once_for_each_of_them():
    """The first pause's length moves nothing, and a row alone costs what it does beside a longer one."""
    torch.manual_seed(0)
    plain, model = (DurationsModel(DurationsConfig(SMALL, starts=starts)).double().eval() for starts in (0.0, 0.5))
    model.load_state_dict(plain.state_dict())
    generator = torch.Generator().manual_seed(1)
    symbols, places = torch.randint(len(SYMBOLS), (2, 9), generator=generator), torch.zeros(2, 9, dtype=torch.int64)
    symbols[1, 6:] = durations.PADDING
    target = torch.randn(2, 9, generator=generator, dtype=torch.float64)
    expected = 0.0
    for row, count in ((0, 9), (1, 6)):
        made = plain(symbols[row : row + 1, :count], places[:1, :count])[0].detach().float().exp().numpy()
        late = np.cumsum(made[1:].astype(float)) - np.cumsum(target[row, 1:count].exp().numpy())
        expected += np.abs(late).sum()
    added = model.loss(symbols, places, target) - plain.loss(symbols, places, target)
    assert float(added) == pytest.approx(0.5 * expected, rel=1e-4)


def test_far_symbols_are_seen_and_padding_is_not(words):
    word = torch.full((1, 12), 5)
    other = word.clone()
    other[0, -1] = 9
    assert not torch.allclose(words(word)[0, 0], words(other)[0, 0], atol=1e-9)
