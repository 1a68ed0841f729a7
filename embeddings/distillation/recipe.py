"""How a model is taught. Pure values, light to import."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to teach.

    Attributes:
        words: Most new tokens.
        epochs: Times that every text is read.
        batch_tokens: Most tokens in one step, padding included.
        rate: Highest learning rate; it rises over the first steps and falls to nothing along half a cosine.
        seed: Of the order of the texts and of what is spelt.
    """

    words: int = 23_500
    epochs: int = 5
    batch_tokens: int = 8192
    rate: float = 1e-3
    seed: int = 1
