"""Hyperparameters of the distillation. Pure values, light to import."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hyperparameters of the distillation.

    Attributes:
        new_tokens: Maximum number of new tokens; all characters of the language are kept even beyond it.
        epochs: Passes over the training texts.
        batch_tokens: Maximum number of tokens in one step, padding included.
        learning_rate: Peak learning rate, after a linear warm-up and before a cosine decay to 0.
        rng_seed: Seed for the order of the texts and the spelling of tokens.
    """

    new_tokens: int = 23_500
    epochs: int = 5
    batch_tokens: int = 8192
    learning_rate: float = 1e-3
    rng_seed: int = 1
