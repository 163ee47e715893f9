"""Train the small runs: corpus, model, trainer and the shipped standard-library ladder (extra: torch)."""
