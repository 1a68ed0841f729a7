"""Relevance into the probability of being related: the curves, and what they are fitted to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.encoders.encoder_info import EMBEDDED_MODEL, PLAIN_MODEL, EncoderInfo
from embeddings.queries import Scale

# Probabilities are said to three digits, and never to be 0 or 1: judgments bear no more
_STEPS_TO_1 = 1000.0
_LEAST = 0.001

_STEPS = 100
_STILL = 1e-9
_RIDGE = 1e-9  # judgments that a line divides without error have no steepest curve
_FOUND_QUANTILE = 0.02
_BINS = 10


@dataclass(frozen=True, slots=True)
class Curve:
    """p(r) = 1 / (1 + exp(-(slope r + intercept))): Platt scaling (Platt 1999), his sign turned round.

    Attributes:
        slope: Above 0: probability never falls as relevance rises, so that a least probability cuts the list.
        intercept: The log odds at relevance 0.
        found: Relevance of the best hit below which nothing counts as found.
    """

    slope: float
    intercept: float
    found: float

    def __post_init__(self) -> None:
        if not self.slope > 0:
            raise ValueError(f"the slope is {self.slope}; above 0, or the order would be turned round")

    def probability(self, relevance: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Probability of being related, of any shape, in (0, 1), to three digits."""
        exact = _logistic(self.slope * relevance.astype(np.float64) + self.intercept)
        return np.maximum(np.minimum(np.rint(exact * _STEPS_TO_1) / _STEPS_TO_1, 1 - _LEAST), _LEAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The curves of one encoder, as a manifest holds them; None where a scale is not calibrated.

    Attributes:
        text: See `Scale`.
        fused: See `Scale`.
        dense: See `Scale`.
        paper: See `Scale`.
    """

    text: Curve | None = None
    fused: Curve | None = None
    dense: Curve | None = None
    paper: Curve | None = None

    def curve(self, scale: Scale | None) -> Curve | None:
        """The curve of a scale."""
        return None if scale is None else getattr(self, scale.value)

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> "Calibration":
        """Read what `dataclasses.asdict` made.

        Raises:
            TypeError, ValueError: It did not make this.
        """
        return cls(**{name: None if each is None else Curve(**each) for name, each in fields.items()})


@dataclass(frozen=True, slots=True)
class Answered:
    """What was found for one judged question on one scale.

    Attributes:
        relevance: Shape (n,), of the hits, highest first, n at least 1.
        related: Shape (n,), whether each was judged relevant.
    """

    relevance: NDArray[np.float64]
    related: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bin:
    """A tenth of the hits, by probability.

    Attributes:
        said: Mean probability.
        was: Share of them that are related.
        weight: Share of all hits, every question counting alike.
    """

    said: float
    was: float
    weight: float


def of_encoder(encoder: EncoderInfo) -> Calibration | None:
    """The calibration that comes with the embedded models, whose vectors of English are the same; None of others."""
    return EMBEDDED if encoder.name in (EMBEDDED_MODEL, PLAIN_MODEL) and encoder.max_tokens == 0 else None


def fit(groups: Sequence[Sequence[Answered]]) -> Curve:
    """Fit the curve with the least log loss, by Newton's method.

    Every group counts alike, and every question in it, and every hit of a question: hundreds of titles do not outvote
    a hundred questions whose every paper was judged. `found` is what 98 % of the questions have a best hit above.

    Args:
        groups: Answers to the questions of each collection, at least one.

    Raises:
        ValueError: None of the hits is related, or all are, or relevance says nothing of it.
    """
    relevance, related, weights = _joined(groups)
    if not 0 < (share := float(weights @ related)) < 1:
        raise ValueError("no hit is related" if share == 0 else "every hit is related")
    x = np.stack([relevance, np.ones_like(relevance)], axis=1)  # (hits, 2)
    theta = np.array([0.0, np.log(share / (1 - share))])
    for _ in range(_STEPS):
        p = _logistic(x @ theta)
        gradient = x.T @ (weights * (p - related)) + _RIDGE * theta
        curvature = (x * (weights * p * (1 - p))[:, None]).T @ x + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        theta -= step
        if np.abs(step).max() < _STILL:
            break
    if theta[0] <= 0:
        raise ValueError("the more relevant hits are not the more related ones")
    slope, intercept = (round(float(value), 4) for value in theta)
    best = [answer.relevance[0] for group in groups for answer in group]
    return Curve(slope, intercept, round(float(np.quantile(best, _FOUND_QUANTILE)), 4))


def log_loss(curve: Curve, answers: Sequence[Answered]) -> float:
    """Mean of -log of the probability given to what is the case, every question counting alike."""
    relevance, related, weights = _joined([answers])
    p = curve.probability(relevance)
    return float(-(weights @ np.where(related, np.log(p), np.log(1 - p))))


def reliability(curve: Curve, answers: Sequence[Answered]) -> list[Bin]:
    """Ten bins of equal weight, the least probable hits first, every question counting alike."""
    relevance, related, weights = _joined([answers])
    p = curve.probability(relevance)
    order = np.argsort(p, kind="stable")
    tenth = np.minimum((np.cumsum(weights[order]) * _BINS).astype(np.int64), _BINS - 1)
    bins = []
    for i in range(_BINS):
        here = order[tenth == i]
        if weight := float(weights[here].sum()):
            said, was = (float(weights[here] @ values[here]) / weight for values in (p, related))
            bins.append(Bin(said, was, weight))
    return bins


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error (Naeini, Cooper and Hauskrecht 2015): |said - was|, averaged over the bins."""
    return sum(each.weight * abs(each.said - each.was) for each in bins)


def _joined(
    groups: Sequence[Sequence[Answered]],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Relevance, whether related, and weights that sum to 1, each of shape (hits,)."""
    answers = [answer for group in groups for answer in group]
    weights = [
        np.full(len(answer.relevance), 1 / len(answer.relevance) / len(group) / len(groups))
        for group in groups
        for answer in group
    ]
    return (
        np.concatenate([answer.relevance for answer in answers]),
        np.concatenate([answer.related for answer in answers]),
        np.concatenate(weights),
    )


def _logistic(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    # Not `np.clip`, which takes three times as long over the ten numbers of an answer
    return 1 / (1 + np.exp(-np.maximum(np.minimum(log_odds, 30.0), -30.0)))


EMBEDDED = Calibration(
    text=Curve(16.2416, -7.8961, 0.35),
    fused=Curve(16.9488, -8.4793, 0.365),
    dense=Curve(14.4621, -9.338, 0.365),
    paper=Curve(5.9513, -3.6493, 0.3323),
)
"""Fitted by `benchmarks.calibration`; docs/ranking.md has the measurements."""
