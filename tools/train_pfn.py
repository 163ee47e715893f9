"""Train the small transformer that extrapolates one curve: python tools/train_pfn.py OUT.safetensors [MINUTES].

Needs torch and safetensors. The prior is simulated here and nowhere else: power laws above a floor, one or two smooth
breaks, a flat start, with noise of many sizes, correlated noise, outliers and running minima. Seed 0. The loss is the
negative log likelihood of a Student t with four degrees of freedom at points up to 8x beyond the last one given.
"""

import json
import math
import sys
import time

import numpy as np
import torch
from torch import nn

WIDTH, LAYERS, HEADS, INNER = 96, 4, 4, 192
POINTS, QUERIES, NU = 48, 12, 4.0


def curves(rng, batch, n):
    """Prior draws: u (batch, n + QUERIES) log x with the last given point at 0, clean and noisy log y, mask of points."""
    span = np.exp(rng.uniform(np.log(0.7), np.log(9.0), (batch, 1)))
    even = np.sort(rng.random((batch, n)), axis=1)
    spread = rng.random((batch, 1)) < 0.5
    u = np.where(spread, (even - 1.0) * span, np.log(np.exp(-span) + (1 - np.exp(-span)) * even))
    u = u - u[:, -1:]
    ask = rng.uniform(0.0, 1.0, (batch, QUERIES)) * rng.choice([0.8, 1.5, 2.1], (batch, 1))
    x = np.concatenate((u, ask), axis=1)
    slope = np.exp(rng.normal(np.log(0.25), 0.8, (batch, 1))) * np.where(rng.random((batch, 1)) < 0.05, -0.5, 1.0)
    log_power = -slope * x
    for chance in (0.6, 0.25):
        place = rng.uniform(-1.1, 0.25, (batch, 1)) * span
        width = np.exp(rng.uniform(np.log(0.1), np.log(2.0), (batch, 1)))
        change = rng.normal(0.0, 0.35, (batch, 1)) * (rng.random((batch, 1)) < chance)
        log_power = log_power - change * width * np.logaddexp(0.0, (x - place) / width)
    flat = rng.random((batch, 1)) < 0.3
    start = -rng.uniform(0.2, 1.2, (batch, 1)) * span
    ceiling = -slope * start + rng.normal(0, 0.3, (batch, 1))
    sharp = np.exp(rng.uniform(np.log(0.5), np.log(4.0), (batch, 1)))
    log_power = np.where(flat, ceiling - np.logaddexp(0.0, sharp * (ceiling - log_power)) / sharp, log_power)
    last = log_power[:, n - 1 : n]
    share = np.where(rng.random((batch, 1)) < 0.35, 0.0, rng.beta(1.2, 1.2, (batch, 1)) * 0.98)
    clean = np.log(share + (1 - share) * np.exp(np.clip(log_power - last, -30, 30)))
    size = np.exp(rng.uniform(np.log(1e-4), np.log(0.05), (batch, 1)))
    white = rng.standard_normal(x.shape)
    drift = np.cumsum(rng.standard_normal(x.shape), axis=1) / math.sqrt(x.shape[1])
    noise = size * (white + rng.choice([0.0, 0.0, 0.5], (batch, 1)) * drift)
    odd = rng.random(x.shape) < rng.choice([0.0, 0.0, 0.03], (batch, 1))
    noisy = clean + noise + odd * size * 8 * rng.standard_normal(x.shape)
    lowest = np.minimum.accumulate(noisy[:, :n], axis=1)
    least = rng.random((batch, 1)) < 0.1
    noisy[:, :n] = np.where(least, lowest, noisy[:, :n])
    return x, noisy


def batch_of(rng, batch):
    n = int(rng.integers(5, POINTS + 1))
    x, y = curves(rng, batch, n)
    middle = np.median(y[:, max(0, n - 3) : n], axis=1, keepdims=True)
    scale = y[:, :n].std(axis=1, keepdims=True) + 1e-3
    z = np.clip((y - middle) / scale, -20, 20)
    to = lambda a: torch.tensor(a, dtype=torch.float32)
    return to(x[:, :n]), to(z[:, :n]), to(x[:, n:]), to(z[:, n:]), to(np.log(scale))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.kv, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.one, self.two = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, t, n):
        """All tokens look at the n given points, never at the queries."""
        h = self.one(t)
        split = lambda a: a.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)
        k, v = self.kv(h[:, :n]).chunk(2, dim=-1)
        mixed = nn.functional.scaled_dot_product_attention(split(self.q(h)), split(k), split(v))
        t = t + self.out(mixed.transpose(1, 2).flatten(-2))
        return t + self.down(nn.functional.gelu(self.up(self.two(t)), approximate="tanh"))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.given, self.asked = nn.Linear(4, WIDTH), nn.Linear(3, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2)

    def forward(self, u, z, ask, scale):
        s = scale[:, :, None]
        wide = lambda a: s.expand(-1, a.shape[1], -1)
        given = self.given(torch.cat((u[..., None], torch.exp(u)[..., None], z[..., None], wide(u)), -1))
        asked = self.asked(torch.cat((ask[..., None], torch.exp(-ask)[..., None], wide(ask)), -1))
        t = torch.cat((given, asked), 1)
        for block in self.blocks:
            t = block(t, u.shape[1])
        mean, log_size = self.head(self.norm(t[:, u.shape[1] :])).unbind(-1)
        return mean, log_size - 2.0


def main():
    out, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng, model = np.random.default_rng(0), Model()
    opt = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01)
    begin, step, seen, running = time.time(), 0, 0, 0.0
    while (done := (time.time() - begin) / (60 * minutes)) < 1:
        for group in opt.param_groups:
            group["lr"] = 1e-3 * min(1, (step + 1) / 500) * (1 if done < 0.3 else max(0.0, (1 - done) / 0.7))
        u, z, ask, goal, scale = batch_of(rng, 64)
        mean, log_size = model(u, z, ask, scale)
        r = (goal - mean) * torch.exp(-log_size)
        loss = (log_size + 0.5 * (NU + 1) * torch.log1p(r * r / NU)).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        step, seen, running = step + 1, seen + 64, 0.99 * running + 0.01 * float(loss.detach())
        if step % 1000 == 0:
            print(f"{step} steps, {seen} curves, loss {running:.3f}", flush=True)
            save(model, out, step, seen)
    save(model, out, step, seen)


def save(model, out, step, seen):
    from safetensors.numpy import save_file

    tensors = {k: v.detach().numpy().astype(np.float16) for k, v in model.state_dict().items()}
    meta = {"heads": HEADS, "layers": LAYERS, "nu": NU, "points": POINTS, "steps": step, "curves": seen, "seed": 0}
    save_file(tensors, out, {"forescale": json.dumps(meta)})


if __name__ == "__main__":
    main()
