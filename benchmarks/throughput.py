"""Training speed of the built-in GPT beside a hand-written plain PyTorch loop of the same model, in one run.

    python benchmarks/throughput.py [--rounds 5] [--together]

Both train the same widths on the same batches on the same device; rounds alternate and the median ratio counts. With a GPU
the share of its peak (MFU) is printed too, and `--together` compares 32 tiny runs as one program with one after another.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from forescale.ladder.accounting import forward_flops, params
from forescale.ladder.config import Config
from forescale.ladder.speed import mfu
from forescale.ladder.tokens import batches
from forescale.ladder.trainer import Session, device, to_rows

SIZES = ((64, 2, 64, 1024), (128, 4, 128, 2048), (256, 4, 128, 4096))  # width, depth, context, tokens a batch


class Plain(nn.Module):
    """The same architecture as anybody would write it: RMSNorm, rotary, GELU, tied head."""

    def __init__(self, c: Config):
        super().__init__()
        d = c.width
        self.heads, self.head_dim = d // c.head_dim, c.head_dim
        self.embed = nn.Embedding(c.vocabulary, d)
        block = lambda: nn.ModuleDict(
            {
                "n1": nn.RMSNorm(d),
                "qkv": nn.Linear(d, 3 * d, bias=False),
                "out": nn.Linear(d, d, bias=False),
                "n2": nn.RMSNorm(d),
                "up": nn.Linear(d, c.hidden, bias=False),
                "down": nn.Linear(c.hidden, d, bias=False),
            }
        )
        self.blocks, self.norm = nn.ModuleList(block() for _ in range(c.depth)), nn.RMSNorm(d)
        angle = torch.arange(c.context)[:, None] * 10_000.0 ** (-torch.arange(0, c.head_dim, 2) / c.head_dim)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        nn.init.normal_(self.embed.weight, std=d**-0.5)

    def turn(self, x):
        a, b = x.chunk(2, -1)
        return torch.cat((a * self.cos - b * self.sin, a * self.sin + b * self.cos), -1)

    def forward(self, x):
        h = self.embed(x)
        b, t, d = h.shape
        for m in self.blocks:
            q, k, v = m["qkv"](m["n1"](h)).view(b, t, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
            a = F.scaled_dot_product_attention(self.turn(q), self.turn(k), v, is_causal=True)
            h = h + m["out"](a.transpose(1, 2).reshape(b, t, d))
            h = h + m["down"](F.gelu(m["up"](m["n2"](h))))
        return F.linear(self.norm(h), self.embed.weight)


def plain_steps(c: Config, rows: list[torch.Tensor]) -> float:
    """Seconds for one pass over `rows`, tensors already on the device: nothing but the loop is timed."""
    torch.manual_seed(0)
    model = Plain(c).to(device())
    assert sum(p.numel() for p in model.parameters()) == params(c)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    return timed(lambda r: plain_step(model, optimizer, r), rows)


def plain_step(model, optimizer, rows) -> None:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    loss.item()


def timed(step, rows) -> float:
    for r in rows[:3]:
        step(r)
    began = time.perf_counter()
    for r in rows:
        step(r)
    return time.perf_counter() - began


def ours_steps(c: Config, rows: list[torch.Tensor]) -> float:
    session = Session(c)
    return timed(lambda r: session.train_step(r, 1e-3), rows)


def compare(rounds: int) -> list[str]:
    lines = [
        "| width | depth | parameters | tokens/s, plain | tokens/s, built-in | ratio | MFU |",
        "|---|---|---|---|---|---|---|",
    ]
    for width, depth, context, batch in SIZES:
        c = Config(width, depth, 10**9, 1e-3, batch, context=context)
        count = max(8, int(2e11 / (3 * forward_flops(c) * batch)))
        rows = [to_rows(b, device()) for b in itertools.islice(batches(c), count)]
        Session(c)  # sets threads for both
        pairs = [(plain_steps(c, rows), ours_steps(c, rows)) for _ in range(rounds)]
        ratio = statistics.median(a / b for a, b in pairs)
        slow, fast = (count * batch / statistics.median(p[i] for p in pairs) for i in (0, 1))
        share = mfu(c, fast)
        used = "-" if share is None else f"{share:.1%}"
        lines.append(f"| {width} | {depth} | {params(c):,} | {slow:,.0f} | {fast:,.0f} | {ratio:.2f} | {used} |")
    return lines


def together() -> str:
    from forescale.ladder.together import train_together
    from forescale.ladder.trainer import train

    class Never:
        read, due = staticmethod(lambda: None), staticmethod(lambda: False)

    base = {"width": 32, "depth": 2, "tokens": 300 * 1024, "learning_rate": 4e-3, "batch_size": 1024, "context": 64}
    given = [base | {"seed": s} for s in range(32)]
    train_together(given[:2])
    began = time.perf_counter()
    train_together(given)
    one = time.perf_counter() - began
    began = time.perf_counter()
    for g in given[:4]:
        train(g, lambda *a, **k: None, Never())
    each = (time.perf_counter() - began) * 8
    size = params(Config.of(base))
    return f"32 runs of {size:,} parameters together: {one:.1f} s; one after another {each:.1f} s (4 timed): {each / one:.1f}x"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--together", action="store_true")
    args = parser.parse_args()
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "one CPU core"
    lines = [
        "# Training speed",
        "",
        f"`python benchmarks/throughput.py --rounds {args.rounds}` on {name}: median of rounds that alternate.",
        "",
        *compare(args.rounds),
    ]
    if args.together:
        lines += ["", together()]
    Path(__file__).parents[1].joinpath("docs", "throughput.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
