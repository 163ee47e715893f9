"""What one training run of the built-in trainer is: every setting, its key, its counts. No torch: a dry run needs none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from ..errors import InputError, one_of
from ..quantities import parse_number

MIXERS = ("attention", "transnormer", "mala", "linear", "mamba", "s4d", "h3", "monarch", "mlp", "none")
FEEDFORWARDS = ("gelu", "swiglu", "low_rank", "block_diagonal", "block_shuffle", "moe", "none")
NORMS = ("rms", "layer", "dyt", "none")
PARAMETRIZATIONS = ("standard", "mup", "unit")
OPTIMIZERS = ("adamw", "sgd", "sign", "spectral", "column")
SCHEDULES = ("constant", "cosine", "linear", "wsd")
CHUNK = 32  # positions that linear attention handles at once
PREFIX = 4  # learnt keys and values of each parallel stream
TAPS = 4  # of the selective space's convolution
MAY_DIFFER = ("seed", "learning_rate", "weight_decay")  # between runs that are trained together
CHOICES = {
    "mixer": MIXERS,
    "feedforward": FEEDFORWARDS,
    "norm": NORMS,
    "parametrization": PARAMETRIZATIONS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "learning": ("backprop", "dfa"),
    "position": ("rotary", "none"),
    "average": ("none", "ema", "swa"),
    "precision": ("float32", "bf16"),
}


@dataclass(frozen=True)
class Config:
    """One run. Sizes are counts; `tokens` and `batch_size` are tokens; `warmup` and `cooldown` are shares of the run.

    `warmup` above 1 is a number of steps. `branches` are further durations in tokens that a `wsd` trunk serves by cooldowns
    of their own; all must be below `tokens`. Defaults are part of a run's identity: they never change.
    """

    width: int
    depth: int
    tokens: int
    learning_rate: float
    batch_size: int = 1024
    seed: int = 0
    # model
    mixer: str = "attention"
    feedforward: str = "gelu"
    norm: str = "rms"
    position: str = "rotary"
    head_dim: int = 16
    expansion: float = 4.0
    rank_share: float = 0.25  # low_rank: rank / width
    blocks: int = 4  # block_diagonal, block_shuffle, monarch
    experts: int = 8
    active: int = 2
    balance: float = 0.01  # weight of the load-balancing loss
    balance_over: int = 1  # micro-batches; 1 balances over the whole batch
    state: int = 8  # state-space dimension a channel
    streams: int = 1  # parallel streams (ParScale)
    tied: bool = True
    vocabulary: int = 256
    context: int = 128
    learning: str = "backprop"
    parametrization: str = "standard"
    base_width: int = 64
    # training
    optimizer: str = "adamw"
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    clip: float = 1.0
    schedule: str = "linear"
    warmup: float = 0.05
    cooldown: float = 0.2
    branches: tuple[int, ...] = ()
    average: str = "none"
    ema: float = 0.99
    noise_every: int = 0  # steps between measurements of the gradient noise scale; 0: never
    validations: int = 0  # validation losses recorded along the run, evenly spaced; the final one comes always
    precision: str = "float32"
    compile: bool = False
    # data
    data: str = "stdlib"
    tokenizer: str = "byte"

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise one_of(name, getattr(self, name), allowed)
        for name in ("width", "depth", "tokens", "learning_rate", "batch_size", "context", "vocabulary", "head_dim"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)!r}")
        if self.batch_size % self.context:
            raise InputError(f"batch_size {self.batch_size} tokens is not a whole number of sequences of {self.context}")
        self._check_shape()
        self._check_tokenizer()
        object.__setattr__(self, "branches", tuple(sorted(int(b) for b in self.branches)))
        if self.branches and self.schedule != "wsd":
            raise InputError(f"branches need schedule wsd, got {self.schedule}")
        if self.branches and self.branches[-1] >= self.tokens:
            raise InputError(f"branch at {self.branches[-1]} tokens lies beyond the run's {self.tokens}")

    def _check_shape(self) -> None:
        heads = self.mixer in ("attention", "transnormer", "mala", "linear", "h3")
        if heads and (self.width % self.head_dim or self.head_dim % 2):
            raise InputError(f"width {self.width} is not a whole number of heads of {self.head_dim} (even) channels")
        blocked = self.feedforward in ("block_diagonal", "block_shuffle")
        if blocked and (self.width % self.blocks or self.hidden % self.blocks):
            raise InputError(f"width {self.width} and hidden {self.hidden} must be multiples of blocks {self.blocks}")
        if self.mixer in ("monarch",) and round(self.context**0.5) ** 2 != self.context:
            raise InputError(f"mixer monarch needs a square context (64, 256, 1024), got {self.context}")
        plain = self.mixer == "attention" and self.feedforward in ("gelu", "swiglu") and self.streams == 1
        if self.parametrization == "unit" and not plain:
            raise InputError("parametrization unit is built for attention with gelu or swiglu only; use mup or standard")
        if not 1 <= self.active <= self.experts:
            raise InputError(f"active experts {self.active} must lie between 1 and {self.experts}")
        if self.learning == "dfa" and (self.tied or self.parametrization != "standard"):
            raise InputError("learning dfa needs tied: false and parametrization: standard")

    def _check_tokenizer(self) -> None:
        """`byte` has 256 tokens; `bpe:SIZE` has SIZE, which `vocabulary` takes over where it is not set."""
        kind, _, size = self.tokenizer.partition(":")
        if kind == "byte" and not size:
            wanted = 256
        elif kind == "bpe" and size.isdigit() and int(size) > 256:
            wanted = int(size)
        else:
            raise InputError(f"tokenizer {self.tokenizer!r} is neither 'byte' nor 'bpe:SIZE' with SIZE above 256")
        if self.vocabulary == 256:
            object.__setattr__(self, "vocabulary", wanted)
        elif self.vocabulary < wanted:
            raise InputError(f"vocabulary {self.vocabulary} is smaller than the {wanted} tokens of {self.tokenizer}")

    @property
    def hidden(self) -> int:
        """Hidden width of the feed-forward layer, rounded to a multiple of 8; SwiGLU has two thirds of it."""
        share = 2 / 3 if self.feedforward == "swiglu" else 1.0
        return max(8, round(self.expansion * self.width * share / 8) * 8)

    @property
    def rank(self) -> int:
        return max(1, round(self.rank_share * self.width))

    @property
    def sequences(self) -> int:
        return self.batch_size // self.context

    def steps_of(self, tokens: int) -> int:
        return max(1, round(tokens / self.batch_size))

    @property
    def steps(self) -> int:
        return self.steps_of(self.tokens)

    @property
    def warmup_steps(self) -> int:
        return int(self.warmup) if self.warmup >= 1 else max(10, int(self.steps * self.warmup))

    @property
    def scale(self) -> float:
        """Width over the base width: what muP scales by."""
        return self.width / self.base_width

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"branches": list(self.branches)}

    @staticmethod
    def of(given: Mapping[str, Any]) -> Config:
        """From names and values as a spec writes them (`7k`, `3e-3`); unknown names are an error."""
        kinds = {f.name: f.type for f in fields(Config)}
        out: dict[str, Any] = {}
        for name, value in given.items():
            if name not in kinds:
                raise one_of("setting", name, kinds)
            if kinds[name] in ("int", "float") and not isinstance(value, bool):
                value = parse_number(value, name)
                value = round(value) if kinds[name] == "int" else value
            elif kinds[name] == "bool" and not isinstance(value, bool):
                raise InputError(f"{name} must be true or false, got {value!r}")
            elif name == "branches":
                value = tuple(round(parse_number(v, "branches")) for v in value)
            out[name] = value
        missing = [n for n in ("width", "depth", "tokens", "learning_rate") if n not in out]
        if missing:
            raise InputError(f"a run lacks {', '.join(missing)}")
        return Config(**out)


DEFAULTS = {
    f.name: list(f.default) if isinstance(f.default, tuple) else f.default for f in fields(Config) if f.default is not MISSING
}
