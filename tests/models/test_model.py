"""The whole model: strict configs, the loss against its definition, guidance, the hoisted modulation."""

import pytest
import torch
from adr_models import ADRConfig, ADRModel
from adr_models.causal.generate import denoise, generate, guided_prediction
from adr_models.causal.model import Draws
from adr_models.causal.token_loss import time_modulation

SMALL = {
    "labels": ["a", "b"],
    "image": {"height": 4, "width": 4, "channels": 1, "patch": 2},
    "backbone": {"layers": 1, "feedforward": 16, "retention": {"width": 16, "heads": 2}},
    "head": {"width": 12, "blocks": 2, "frequencies": 8},
    "schedule": {"kind": "cosine", "timesteps": 40},
    "loss": {"draws": 3, "context_noise": 0.2},
}


def build(**changes):
    torch.manual_seed(0)
    model = ADRModel(ADRConfig.from_dict({**SMALL, **changes}))
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    return model.eval()


def test_config_survives_a_round_trip_and_refuses_unknown_fields():
    config = ADRConfig.from_dict(SMALL)
    assert ADRConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ValueError, match=r"model.head has no field depth"):
        ADRConfig.from_dict({**SMALL, "head": {"depth": 3}})
    with pytest.raises(ValueError, match="exactly one"):
        ADRModel(ADRConfig(labels=("a",)))


def test_loss_is_the_mean_square_of_the_heads_error():
    """Token by token, draw by draw, with the null label where it was dropped."""
    model = build(loss={"draws": 3, "context_noise": 0.0, "label_dropout": 0.5})
    tokens, label = torch.randn(2, 4, 4), torch.tensor([0, 1])
    mask = torch.tensor([[True, True, False, True], [True, False, False, False]])
    draws = model.draw(2, 4, torch.Generator().manual_seed(3))
    draws = Draws(draws.t, draws.epsilon, torch.tensor([0.9, 0.1]), draws.drop_speaker, draws.power, draws.context)
    found = model.loss(tokens, label, mask, draws)
    seen = torch.cat([torch.zeros(2, 1, 4), tokens[:, :-1]], 1)
    conditions, _ = model.backbone(seen, torch.tensor([0, 2]))
    expected = 0.0
    for b, n in mask.nonzero().tolist():
        for d in range(3):
            t = draws.t[b, n, d]
            signal, noise = model.schedule.signal[t], model.schedule.noise[t]
            epsilon = draws.epsilon[b, n, d]
            output = model.head(
                signal * tokens[b, n] + noise * epsilon,
                model.head.time_modulation(t[None])[0],
                model.head.condition_modulation(conditions[b, n]),
            )
            velocity = signal * epsilon - noise * tokens[b, n]
            expected += (output - velocity).square().mean() / 3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_table_of_timesteps_equals_direct_computation():
    model = build()
    t = torch.randint(40, (30, 3))
    direct = model.head.time_modulation(t.flatten()).reshape(30, 3, -1)
    torch.testing.assert_close(time_modulation(model.head, 40, t), direct)


def test_shards_draw_the_rows_they_would_draw_alone():
    model = build()
    parts = [model.draw(2, 4, torch.Generator().manual_seed(s)) for s in (5, 6)]
    joined = Draws.join(parts)
    assert torch.equal(joined.epsilon[2:], parts[1].epsilon) and joined.t.shape == (4, 4, 3)


def test_guidance_is_the_extrapolation_it_should_be():
    model = build()
    x, z = torch.randn(3, 4), torch.randn(2, 3, 16)
    time, of_condition = model.head.time_modulation(torch.tensor([7]))[0], model.head.condition_modulation(z)
    labelled, null = (model.head(x, time, of_condition[g]) for g in (0, 1))
    found, _ = guided_prediction(model.head, x, time, of_condition, torch.tensor([[3.0], [-2.0]]).expand(2, 3))
    torch.testing.assert_close(found, null + 3.0 * (labelled - null), rtol=1e-4, atol=1e-5)


def test_denoise_follows_its_table():
    """Rows that keep only B make x the clipped x0 of the last step."""
    model = build()
    z, initial = torch.randn(1, 2, 16), torch.randn(2, 4)
    modulation = model.head.time_modulation(torch.tensor([30, 3]))
    table = torch.tensor([[0.5, -0.8, 0, 1, 0, 0, 0], [0.9, -0.1, 0, 1, 0, 0, 0]])
    args = (torch.ones(1, 2), modulation, table, initial, torch.zeros(2, 2, 4))
    found = denoise(model.head, z, *args, torch.tensor(0.3))
    of_condition = model.head.condition_modulation(z[0])
    first = (0.5 * initial - 0.8 * model.head(initial, modulation[0], of_condition)).clamp(-0.3, 0.3)
    second = (0.9 * first - 0.1 * model.head(first, modulation[1], of_condition)).clamp(-0.3, 0.3)
    torch.testing.assert_close(found, second)


def test_generation_has_the_right_shape_and_is_seeded():
    model = build()
    table = torch.tensor([[0.5, -0.8, 0, 1, 0, 0, 0]])

    def run(seed):
        generator = torch.Generator().manual_seed(seed)
        return generate(model, torch.tensor([0, 1]), 2, 4, torch.tensor([30]), table, 2.0, 5.0, generator)

    assert run(1).shape == (2, 4, 4) and torch.equal(run(1), run(1)) and not torch.equal(run(1), run(2))
