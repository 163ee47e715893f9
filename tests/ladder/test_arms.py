"""Every switchable arm against a textbook recurrence in float64, and its counts against torch's."""

import math

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

import torch.nn.functional as F  # noqa: E402

from forescale.ladder import accounting  # noqa: E402
from forescale.ladder.config import FEEDFORWARDS, MIXERS, NORMS, Config  # noqa: E402
from forescale.ladder.feedforward import BlockDiagonal, BlockShuffle, Experts, LowRank  # noqa: E402
from forescale.ladder.mixers import mixer  # noqa: E402
from forescale.ladder.model import Model  # noqa: E402

LENGTH, EXACT = 64, 1e-9


def config(**changes):
    return Config(**{"width": 32, "depth": 2, "tokens": 10**5, "learning_rate": 1e-3, "context": LENGTH, **changes})


def built(index=1, **changes):
    torch.manual_seed(3)
    c = config(**changes)
    module = mixer(c, index).double()
    for p in module.parameters():
        if p.role != "vector":
            torch.nn.init.normal_(p, std=p.fan_in**-0.5)
    x = torch.randn(2, LENGTH, c.width, dtype=torch.float64)
    return c, module, x


def heads(module, x, head_dim=16):
    b, t, d = x.shape
    return module.qkv(x).view(b, t, 3, d // head_dim, head_dim).unbind(2)


def close(found, expected):
    assert torch.allclose(found, expected, rtol=0, atol=EXACT * max(1.0, float(expected.detach().abs().max())))


@torch.no_grad()
def test_attention_is_softmax_of_rotated_products():
    _c, m, x = built(mixer="attention")
    q, k, v = heads(m, x)
    out = torch.zeros_like(v)
    angle = lambda p: torch.tensor([p * 10_000.0 ** (-i / 16) for i in range(0, 16, 2)], dtype=torch.float64)

    def turn(z, p):  # a rotation by complex numbers, the other way of writing it
        turned = torch.complex(z[..., :8], z[..., 8:]) * torch.polar(torch.ones(8, dtype=torch.float64), angle(p))
        return torch.cat((turned.real, turned.imag), dim=-1)

    for i in range(LENGTH):
        scores = torch.stack([(turn(q[:, i], i) * turn(k[:, j], j)).sum(-1) / 4 for j in range(i + 1)], dim=-1)
        out[:, i] = torch.einsum("bhj,bjhd->bhd", scores.softmax(-1), v[:, : i + 1])
    found = m(x)
    assert (found - m.out(out.flatten(2))).abs().max() < 2e-5  # the table of angles is kept in single precision
    exact = torch.arange(LENGTH, dtype=torch.float64)[:, None] * angle(1)
    m.cos, m.sin = exact.cos(), exact.sin()
    close(m(x), m.out(out.flatten(2)))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["linear", "transnormer", "mala"])
def test_linear_attentions_equal_their_recurrences(kind):
    _c, m, x = built(mixer=kind)
    q, k, v = heads(m, x)
    q, k = 1 + F.elu(q), 1 + F.elu(k)
    if kind == "mala":
        q = q / 4
    state, keys, values = torch.zeros(2, 2, 16, 16).double(), torch.zeros(2, 2, 16).double(), torch.zeros(2, 2, 16).double()
    out = torch.zeros_like(v)
    for t in range(LENGTH):
        state = state + k[:, t, :, :, None] * v[:, t, :, None, :]
        keys, values = keys + k[:, t], values + v[:, t]
        total, row = torch.einsum("bhi,bhij->bhj", q[:, t], state), (q[:, t] * keys).sum(-1, keepdim=True)
        if kind == "linear":
            out[:, t] = total / row
        elif kind == "transnormer":
            out[:, t] = total / (total.square().mean(-1, keepdim=True) + torch.finfo(torch.float64).eps).sqrt()
        else:
            out[:, t] = (1 + 1 / row) * total - row / (t + 1) * values
    close(m(x), m.out(out.flatten(2)))


@torch.no_grad()
def test_early_transnormer_blocks_attend_within_chunks_only():
    _c, m, x = built(index=0, mixer="transnormer")
    q, k, v = heads(m, x)
    out = torch.zeros_like(v)
    for t in range(LENGTH):
        first = t // 32 * 32
        scores = torch.einsum("bhd,bjhd->bhj", q[:, t], k[:, first : t + 1]) / 4
        out[:, t] = torch.einsum("bhj,bjhd->bhd", scores.softmax(-1), v[:, first : t + 1])
    close(m(x), m.out(out.flatten(2)))


@torch.no_grad()
def test_magnitude_of_the_query_sharpens_mala_and_softmax_but_not_divided_attention():
    """Spread of the weights of one query over many keys, at growing length of phi(q); larger is sharper."""
    torch.manual_seed(0)
    keys, phi = 1 + F.elu(torch.randn(64, 16).double()), 1 + F.elu(torch.randn(16).double())
    spread = {"divided": [], "mala": [], "softmax": []}
    for length in (0.1, 0.2, 0.4, 0.8):
        s = (length * phi) @ keys.T
        mala = (1 + 1 / s.sum()) * s - s.sum() / len(s)
        assert math.isclose(mala.sum(), 1.0, abs_tol=1e-9)
        spread["divided"].append(float((s / s.sum()).std()))
        spread["mala"].append(float(mala.std()))
        spread["softmax"].append(float(s.softmax(0).std()))
    assert max(spread["divided"]) - min(spread["divided"]) < 1e-12
    for kind in ("mala", "softmax"):
        assert sorted(spread[kind]) == spread[kind] and spread[kind][-1] > 2 * spread[kind][0]


@torch.no_grad()
def test_selective_space_equals_its_step_recurrence_and_both_scans_agree():
    from forescale.ladder.mixers.selective import scan_parallel, scan_sequential

    c, m, x = built(mixer="mamba")
    u, gate = m.enter(x).chunk(2, dim=-1)
    taps, past = m.taps[:, 0], F.pad(u, (0, 0, 3, 0))
    u = F.silu(sum(past[:, i : i + LENGTH] * taps[:, i] for i in range(4)))
    raw, b, cc = m.select(u).split((m.rank, c.state, c.state), dim=-1)
    delta = torch.log1p(torch.exp(raw @ m.step.T + m.step_bias))
    h, out = torch.zeros(2, m.inner, c.state).double(), []
    for t in range(LENGTH):
        step = delta[:, t, :, None]
        h = torch.exp(-step * m.log_decay.exp()) * h + step * b[:, t, None, :] * u[:, t, :, None]
        out.append((h * cc[:, t, None, :]).sum(-1) + m.skip * u[:, t])
    close(m(x), m.out(torch.stack(out, 1) * F.silu(gate)))
    a, v = torch.rand(2, 37, 3, 4).double(), torch.randn(2, 37, 3, 4).double()
    close(scan_parallel(a, v), scan_sequential(a, v))


@torch.no_grad()
@pytest.mark.parametrize("kind", ["s4d", "h3"])
def test_convolutions_equal_the_diagonal_recurrence(kind):
    c, m, x = built(mixer=kind, state=4)
    pole, amplitude = m.space.discrete()

    def recurrence(u):  # (b, t, d, ...)
        h, out = 0, []
        shape = (1, *pole.shape[:1], *(1,) * (u.ndim - 3), c.state)
        p, w = pole.view(shape), amplitude.view(shape)
        for t in range(LENGTH):
            h = p * h + u[:, t, ..., None]
            out.append(2 * (w * h).sum(-1).real)
        return torch.stack(out, 1)

    if kind == "s4d":
        y = recurrence(x) + m.space.skip * x
        return close(m(x), m.out(F.gelu(y)))
    q, k, v = m.qkv(x).chunk(3, dim=-1)
    past = F.pad(k, (0, 0, 3, 0))
    k = sum(past[:, 3 - i : 3 - i + LENGTH] * m.shift[i] for i in range(4))
    split = lambda z: z.view(2, LENGTH, 2, 16)
    outer = split(v)[..., :, None] * split(k)[..., None, :]  # v channel, k channel
    outer = outer.reshape(2, LENGTH, 32, 16)
    state = recurrence(outer) + m.space.skip[:, None] * outer
    out = torch.einsum("bthvk,bthk->bthv", state.view(2, LENGTH, 2, 16, 16), split(q)).reshape(2, LENGTH, 32) / 4
    close(m(x), m.out(out))


@torch.no_grad()
def test_monarch_is_the_fourier_transform_and_the_convolution_is_a_sum():
    from forescale.ladder.mixers.monarch import fourier_factors, monarch

    left, right = fourier_factors(64)
    z = torch.randn(3, 64, dtype=torch.complex128)
    close(monarch(z, left, right).abs(), torch.fft.fft(z).abs())
    assert (monarch(z, left, right) - torch.fft.fft(z)).abs().max() < EXACT
    assert left.numel() + right.numel() == 2 * 64**1.5
    _c, m, x = built(mixer="monarch")
    m.left, m.right = (f.to(torch.complex128) for f in fourier_factors(m.size**2))
    value, gate = m.enter(x).chunk(2, dim=-1)
    out = torch.stack([sum(m.filter[t - j] * value[:, j] for j in range(t + 1)) for t in range(LENGTH)], 1)
    close(m(x), m.out(gate * out))


@torch.no_grad()
def test_token_mlp_sums_over_earlier_positions():
    _c, m, x = built(mixer="mlp")
    hidden = torch.stack([sum(m.first[t, j] * x[:, j] for j in range(t + 1)) for t in range(LENGTH)], 1)
    hidden = F.gelu(hidden)
    out = torch.stack([sum(m.second[t, j] * hidden[:, j] for j in range(t + 1)) for t in range(LENGTH)], 1)
    close(m(x), m.out(out))


@torch.no_grad()
@pytest.mark.parametrize("kind", [m for m in MIXERS if m != "none"])
def test_no_mixer_sees_the_future(kind):
    _c, m, x = built(mixer=kind)
    changed = x.clone()
    changed[:, 40:] = 9.0
    assert (m(x)[:, :40] - m(changed)[:, :40]).abs().max() < 1e-5


@torch.no_grad()
def test_structured_layers_are_the_dense_matrices_they_stand_for():
    torch.manual_seed(0)
    c, x = config(rank_share=0.25), torch.randn(5, 32).double()
    for kind in (LowRank, BlockDiagonal, BlockShuffle):
        layer = kind(32, 64, c).double()
        for p in layer.parameters():
            torch.nn.init.normal_(p)
        if kind is LowRank:
            dense = layer.second.weight @ layer.first.weight
        elif kind is BlockDiagonal:
            dense = torch.block_diag(*layer.weight)
        else:
            order = torch.arange(32).view(4, 8).T.reshape(-1)
            dense = torch.block_diag(*layer.second.weight) @ torch.eye(32).double()[order] @ torch.block_diag(*layer.first.weight)
            assert (dense != 0).all()  # every output sees every input
        close(layer(x), x @ dense.T)


@torch.no_grad()
def test_experts_equal_a_loop_over_tokens_and_balance_is_one_when_uniform():
    torch.manual_seed(0)
    c = config(feedforward="moe", experts=4, active=2)
    m = Experts(c).double()
    for p in m.parameters():
        torch.nn.init.normal_(p, std=0.3)
    x = torch.randn(2, 8, 32).double()
    out, flat = [], x.reshape(-1, 32)
    for row in flat:
        chance = (m.router.weight @ row).softmax(0)
        best = chance.argsort(descending=True)[:2]
        out.append(sum(chance[i] / chance[best].sum() * (m.down[i] @ F.gelu(m.up[i] @ row)) for i in best))
    close(m(x), torch.stack(out).view_as(x))
    even = torch.full((8, 4), 0.25).double()
    assert math.isclose(m._balance(even, torch.tensor([[0, 1], [2, 3]] * 4)), 1.0)
    skewed = torch.tensor([[0, 1]] * 8)
    assert m._balance(torch.tensor([[0.4, 0.4, 0.1, 0.1]] * 8).double(), skewed) > 1.5
    m.balance_over = 2  # two domains, each with experts of its own: punished in micro-batches, not over the whole batch
    apart = torch.tensor([[0.5, 0.5, 0, 0]] * 4 + [[0, 0, 0.5, 0.5]] * 4).double()
    chosen = torch.tensor([[0, 1]] * 4 + [[2, 3]] * 4)
    assert math.isclose(m._balance(apart, chosen), 2.0)
    m.balance_over = 1
    assert math.isclose(m._balance(apart, chosen), 1.0)


@torch.no_grad()
def test_parallel_streams_with_equal_prefixes_are_one_stream_and_weights_sum_to_one():
    torch.manual_seed(0)
    c = config(streams=3, tied=False)
    model = Model(c).double()
    for block in model.blocks:
        block.parts[0].prefix.copy_(block.parts[0].prefix[:, :1].expand_as(block.parts[0].prefix))
    x = torch.randint(0, 256, (2, LENGTH))
    h = model.enter(x)
    for block in model.blocks:
        h = block(h)
    first, second, third = h.chunk(3)
    close(first, second)
    close(model.aggregate(h), third)


def test_direct_feedback_equals_gradients_written_out():
    """One block without mixer and norm: embed -> + W2 gelu(W1 h) -> head, by hand."""
    from forescale.ladder.feedback import aligned_backward, feedback_matrices

    torch.manual_seed(0)
    c = config(depth=1, mixer="none", norm="none", tied=False, learning="dfa")
    model = Model(c).double()
    feedback = [f.double() for f in feedback_matrices(c)]
    batch = torch.randint(0, 256, (2, LENGTH + 1))
    aligned_backward(model, batch, feedback)
    x, y = batch[:, :-1].reshape(-1), batch[:, 1:].reshape(-1)
    up, down = model.blocks[0].parts[0].up.weight.detach(), model.blocks[0].parts[0].down.weight.detach()
    h = model.embed.detach()[x]
    z = h @ up.T
    out = h + F.gelu(z) @ down.T
    error = ((out @ model.head.detach().T).softmax(-1) - F.one_hot(y, 256)) / len(y)
    close(model.head.grad, error.T @ out)
    delta = error @ feedback[1]
    close(model.blocks[0].parts[0].down.weight.grad, delta.T @ F.gelu(z))
    slope = 0.5 * (1 + torch.erf(z / 2**0.5)) + z * torch.exp(-z * z / 2) / (2 * math.pi) ** 0.5
    close(model.blocks[0].parts[0].up.weight.grad, ((delta @ down) * slope).T @ h)
    expected = torch.zeros_like(model.embed).index_add(0, x, error @ feedback[0])
    close(model.embed.grad, expected.detach())


CASES = (
    *({"mixer": m} for m in MIXERS),
    *({"feedforward": f} for f in FEEDFORWARDS),
    *({"norm": n} for n in NORMS),
    {"tied": False},
    {"streams": 3},
    {"parametrization": "unit", "feedforward": "swiglu"},
    {"parametrization": "mup", "tied": False},
    {"mixer": "linear", "context": 48},
)


@pytest.mark.parametrize("changes", CASES, ids=lambda c: " ".join(map(str, c.values())))
def test_counts_equal_those_of_torch(changes):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    c = config(**{"depth": 3, "batch_size": 4 * changes.get("context", LENGTH), **changes})
    model = Model(c)
    assert sum(p.numel() for p in model.parameters()) == accounting.params(c)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.randint(0, 256, (4, c.context)))
    assert counter.get_total_flops() == pytest.approx(accounting.forward_flops(c) * 4 * c.context, rel=1e-12)
