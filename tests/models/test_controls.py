"""Controls: what they add, that they come with the token they are of, and that guidance drops all of them."""

import numpy as np
import pytest
import torch
from adr_models import ADRConfig
from adr_models.causal.controls import ControlEmbedding
from adr_models.causal.generate import generate
from adr_models.causal.model import Draws
from random_models import TOLD, random_model


def told(rows, length, seed=0):
    """Controls of every class, the null ones among them."""
    return torch.randint(1000, (rows, length, 2), generator=torch.Generator().manual_seed(seed)) % torch.tensor([6, 4])


def test_the_embedding_is_a_sum_of_tables():
    embedding = ControlEmbedding((5, 3), 4)
    first, second = embedding.table.weight[:6], embedding.table.weight[6:]
    assert len(second) == 4
    controls = told(2, 7)
    torch.testing.assert_close(embedding(controls), first[controls[..., 0]] + second[controls[..., 1]])
    with pytest.raises(ValueError, match="1 class or more"):
        ControlEmbedding((5, 0), 4)


def test_a_control_reaches_its_own_token_and_those_behind_it():
    backbone, tokens, controls = random_model(TOLD).backbone, torch.randn(1, 9, 8), told(1, 9)
    other = controls.clone()
    other[0, 4, 0] = (other[0, 4, 0] + 1) % 6
    differs = (backbone(tokens, controls=controls)[0] - backbone(tokens, controls=other)[0]).abs().amax(-1)[0] > 1e-6
    assert differs.tolist() == [n >= 4 for n in range(9)]


def test_step_and_parallel_agree():
    backbone, tokens, controls = random_model(TOLD).backbone, torch.randn(2, 9, 8), told(2, 9)
    whole, state = backbone(tokens, controls=controls)[0], backbone.initial_state(2)
    for n in range(9):
        condition, state = backbone.step(tokens[:, n], None, state, controls=controls[:, n])
        torch.testing.assert_close(condition, whole[:, n], rtol=1e-4, atol=1e-5)


def test_where_controls_are_dropped_the_null_ones_train():
    model, tokens, controls = random_model(TOLD), torch.randn(2, 6, 8), told(2, 6)
    mask, drawn = torch.ones(2, 6, dtype=torch.bool), model.draw(2, 6, torch.Generator().manual_seed(1))

    def loss(drop, controls):
        draws = Draws(drawn.t, drawn.epsilon, torch.tensor(drop), drawn.drop_speaker, drawn.power, drawn.context)
        return model.loss(tokens, None, mask, draws, controls=controls)

    null = controls.clone()
    null[1] = torch.tensor([5, 3])
    torch.testing.assert_close(loss([0.9, 0.01], controls), loss([0.9, 0.9], null))
    assert not torch.allclose(loss([0.9, 0.9], controls), loss([0.9, 0.9], null))


def test_guidance_is_away_from_what_the_null_controls_give():
    model, controls = random_model(TOLD), told(1, 5)
    settings = (1, 5, torch.tensor([0]), torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]]))

    def tokens(guidance, controls):
        generator = torch.Generator().manual_seed(0)
        return generate(model, None, *settings, guidance, 1e6, generator, controls)

    # The first token of a head that is run once is linear in what the head says.
    with_controls, without = tokens(1.0, controls)[:, 0], tokens(1.0, None)[:, 0]
    torch.testing.assert_close(tokens(3.0, controls)[:, 0], 3 * with_controls - 2 * without, rtol=1e-4, atol=1e-5)
    assert not np.allclose(with_controls, without)


def test_the_config_has_them_by_name():
    config = ADRConfig.from_dict(TOLD)
    assert ADRConfig.from_dict(config.to_dict()) == config and list(config.controls) == ["phone", "place"]
