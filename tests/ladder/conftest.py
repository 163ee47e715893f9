"""Shared by the ladder's tests: a checkpoint in memory and runs small enough to train in seconds."""

import pytest

TINY = {"width": 16, "depth": 1, "learning_rate": 8e-3, "batch_size": 512, "context": 64}


class Memory:
    """A checkpoint that is due after every `every` steps asked; `kept` holds all that was written."""

    def __init__(self, state=None, every=10**9):
        self.state, self.every, self.asked, self.kept = state, every, 0, []

    def read(self):
        return self.state

    def write(self, state):
        self.state = state
        self.kept.append(state)

    def due(self):
        self.asked += 1
        return self.asked % self.every == 0


@pytest.fixture
def tiny():
    return dict(TINY)
