"""Write docs/questions.md: questions a practitioner asks, each with one command and what it prints.

    python tools/questions.py

tests/test_docs.py runs the commands again and compares.
"""

import shlex
from pathlib import Path

from typer.testing import CliRunner

from forescale.cli.app import app

OUT = Path(__file__).parents[1] / "docs" / "questions.md"
QUESTIONS = (
    (
        "Which learning rate at four times the batch, with Adam?",
        "rules ask learning_rate --from batch=256k --to batch=1024k --value 3e-4",
    ),
    (
        "How many epochs before repetition stops paying? (until a repeated token is worth half a new one)",
        "rules ask epochs --to worth=0.5",
    ),
    ("What are four epochs of 10B tokens worth in new tokens?", "rules ask effective_tokens --to tokens=40B,unique_tokens=10B"),
    (
        "What does 4-bit cost me at 1B parameters trained on 20B tokens?",
        "laws at quantized:dolma --at params=1B,tokens=20B,bits=4",
    ),
    ("How large a model, and how much data, for 1e23 FLOP?", "laws optimum chinchilla:besiroglu --flops 1e23"),
    ("What loss should 70B parameters on 1.4T tokens reach?", "laws at chinchilla:besiroglu --at params=70B,tokens=1.4T"),
    (
        "I will serve 2T tokens at the quality of a 13B model: what do I train?",
        "plan chinchilla:hoffmann --serve 2T --params 13B",
    ),
    (
        "How does the best size grow from 1e21 to 1e24 FLOP, and who disagrees?",
        "rules ask params --from flops=1e21 --to flops=1e24 --value 3B",
    ),
    ("Which learning rate at 16 times the width?", "rules ask learning_rate --from width=256 --to width=4096 --value 1e-2"),
    ("And the weight decay?", "rules ask weight_decay --from width=256 --to width=4096 --value 0.1"),
    (
        "Which weight decay for 1B parameters on 20B tokens, batch 1M, rate 0.01?",
        "rules ask weight_decay --to batch=1M,learning_rate=0.01,tokens=20B,params=1B",
    ),
    (
        "How large a batch before more of it stops helping, at 100B tokens?",
        "rules ask critical_batch --from tokens=10B --to tokens=100B",
    ),
    (
        "What happens to Adam's betas at four times the batch?",
        "rules ask one_minus_beta --from batch=256k --to batch=1024k --value 0.05",
    ),
    (
        "And to the half-life of my weight average?",
        "rules ask ema_half_life_steps --from batch=256k --to batch=1024k --value 2000",
    ),
    ("How long should the cooldown of 100k steps be?", "rules ask cooldown_steps --to steps=100k"),
    ("How much memory do weights, gradients and Adam take at 7B?", "rules ask model_state_bytes --to params=7B"),
    (
        "How large is the cache of one 8k context, 80 layers, 8 heads of 128?",
        "rules ask cache_bytes --to depth=80,kv_heads=8,head_dim=128,sequence=8192,batch_sequences=1,bits=16",
    ),
    ("What are 8 parallel streams of a 1.6B model worth?", "laws at parallel_streams:stack --at params=1.6B,streams=8"),
    ("Train from scratch or fine-tune a multilingual 2B model?", "rules ask crossover_flops --to params=2B"),
    (
        "How many samples until a task passed once in 10,000 has passed three times?",
        "rules ask samples --to pass_rate=1e-4,passes=3",
    ),
    (
        "How much does a draft model speed up decoding?",
        "rules ask decoding_speedup --to acceptance=0.8,draft_length=4,cost_ratio=0.05",
    ),
    (
        "Sixteen times the FLOP for my vision model: deeper or wider?",
        "rules ask depth --from forward_flops=1e9 --to forward_flops=16e9 --value 50",
    ),
    ("What exponent can I hope for on data of dimension 20?", "rules ask loss_exponent --to dimension=20"),
    ("Who has written on tasks that get worse with scale?", "papers search 'inverse scaling worse larger models' --limit 5"),
    ("How do I cite the law I fitted?", "cite rectified"),
)


def printed(command: str) -> str:
    result = CliRunner().invoke(app, shlex.split(command))
    if result.exception:
        raise SystemExit(f"forescale {command}: {result.exception!r}")
    return result.output.rstrip()


def main() -> None:
    parts = [
        "# Questions, each answered by one command",
        "Written by `python tools/questions.py`; the tests run every command again and compare. A published rule is an answer "
        "for the setting it names: where two disagree, both are shown. Your own runs, where you have them, decide.",
    ]
    for question, command in QUESTIONS:
        parts.append(f"## {question}\n\n```console\n$ forescale {command}\n{printed(command)}\n```")
    OUT.write_text("\n\n".join(parts) + "\n")
    print(f"{len(QUESTIONS)} questions in {OUT}")


if __name__ == "__main__":
    main()
