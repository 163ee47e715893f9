"""Text as rows of token numbers, and the order in which a run sees them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import InputError
from .config import Config
from .corpus import load

VALIDATION_SEQUENCES = 2048


@dataclass(frozen=True)
class Text:
    """Token numbers of both sides, and bytes per token of the validation text (1 for bytes)."""

    train: np.ndarray
    valid: np.ndarray
    bytes_per_token: float
    sha256: str


@lru_cache(maxsize=4)
def text(data: str, tokenizer: str) -> Text:
    """Tokenize once per process. `byte`, or `bpe:SIZE`: byte-pair encoding trained on the training side."""
    corpus = load(data)
    if tokenizer == "byte":
        return Text(*(np.frombuffer(s, np.uint8) for s in (corpus.train, corpus.valid)), 1.0, corpus.sha256)
    size = tokenizer.removeprefix("bpe:")
    encode = _byte_pairs(corpus.train, int(size), corpus.sha256)
    train, valid = (np.array(encode(s), np.uint16 if int(size) < 2**16 else np.uint32) for s in (corpus.train, corpus.valid))
    return Text(train, valid, len(corpus.valid) / len(valid), corpus.sha256)


def _byte_pairs(train: bytes, size: int, sha: str):
    """An encoder of bytes trained by the library `tokenizers`; kept in the temporary folder under the text's hash.

    Bytes are read as latin-1, so that any byte string goes in and none is lost; training is deterministic.
    """
    try:
        from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
    except ImportError:
        raise InputError("tokenizer bpe needs the library tokenizers: pip install 'forescale[ladder]'") from None
    path = Path(tempfile.gettempdir()) / f"forescale-bpe-{size}-{sha[:16]}-{os.getuid()}.json"
    lines = lambda raw: raw.decode("latin-1").splitlines(keepends=True)
    if not path.exists():
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r" ?\w+|\s+|[^\w\s]+"), behavior="isolated")
        alphabet = [chr(i) for i in range(256)]
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(lines(train), trainer)
        part = path.with_suffix(f".{os.getpid()}")
        tokenizer.save(str(part))
        os.replace(part, path)
    tokenizer = Tokenizer.from_file(str(path))
    return lambda raw: [i for e in tokenizer.encode_batch(lines(raw)) for i in e.ids]


def rows(ids: np.ndarray, context: int, offset: int = 0) -> np.ndarray:
    """Cut token numbers into rows of context + 1: inputs and the token that follows each."""
    data = ids[offset:]
    count = (len(data) - 1) // context
    if count < 1:
        raise InputError(f"the text holds {len(ids)} tokens: too few for one sequence of {context}")
    return np.lib.stride_tricks.sliding_window_view(data, context + 1)[np.arange(count) * context]


def validation_rows(config: Config) -> np.ndarray:
    """The first 2,048 sequences, evenly spread over the validation text, the same for every run."""
    found = rows(text(config.data, config.tokenizer).valid, config.context)
    return found[np.linspace(0, len(found) - 1, min(VALIDATION_SEQUENCES, len(found))).astype(int)]


def epoch_order(config: Config, epoch: int, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one epoch in a seeded random order, cut at another offset each epoch."""
    word = hashlib.sha256(f"{config.seed}/{epoch}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(word[:8], "little"))
    found = rows(ids, config.context, int(rng.integers(config.context)))
    return found, rng.permutation(len(found))


def batches(config: Config, step: int = 0) -> Iterator[np.ndarray]:
    """Batches (sequences, context + 1) of int64 from `step` on: what comes at a step depends on seed and step alone."""
    ids = text(config.data, config.tokenizer).train
    if len(rows(ids, config.context, config.context - 1)) < config.sequences:
        raise InputError(f"the text holds fewer than the {config.sequences} sequences of one batch")
    epoch, skip = 0, step
    while True:
        found, order = epoch_order(config, epoch, ids)
        whole = len(order) // config.sequences
        for i in range(min(skip, whole), whole):
            yield found[np.sort(order[i * config.sequences : (i + 1) * config.sequences])].astype(np.int64)
        skip, epoch = max(0, skip - whole), epoch + 1
