"""A model against its teacher at *every* temperature.

One temperature cannot be best in JSD and in KL at once, so a fair rival is the whole path of (JSD,
KL) that the teacher takes as its temperature grows. A model lies below the path if, at every
temperature, it is better in JSD or in KL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ambiguity_lib.evaluation.resampling import Resamples
from ambiguity_lib.method.temperatures import apply_temperature
from ambiguity_lib.metrics.divergence import jensen_shannon_distance, kl_divergence
from ambiguity_lib.metrics.uncertainty import correlations, entropy

FloatArray = NDArray[np.float64]

#: Between them the path is taken as straight.
TEMPERATURES = np.geomspace(0.25, 16, 257)


@dataclass(frozen=True)
class Against:
    """A gain with its 95% interval over items and seeds."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, resampled: FloatArray) -> Against:
        """The first is that of the whole data, the others those of its resamples."""
        low, high = np.quantile(resampled[1:], [0.025, 0.975])
        return cls(float(resampled[0]), float(low), float(high))


@dataclass(frozen=True)
class PathComparison:
    """Where a model lies, seen from its teacher's path; all of it reads gold.

    Attributes:
        temperatures: Shape (T,).
        jsd: The teacher's mean JS distance at each temperature, shape (T,).
        kl: Its mean KL in nats, shape (T,).
        entropy_correlation: Its entropy correlation, shape (T,).
        model: The model's mean JS distance, KL and entropy correlation.
        margin: How far it lies below the path: at the temperature that suits the teacher best, the
            larger of its gains in JSD and in KL, each as a share of the lowest value on the path.
            Above 0 if it is better in one of them at every temperature; 0 on the path.
        correlation_gain: Its entropy correlation less the highest on the path.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.evaluation import PathComparison, against_path
        >>> human = np.random.default_rng(0).dirichlet([1, 1, 1], size=50)
        >>> found = against_path(human, [np.log(human)], [human], samples=20)
        >>> isinstance(found, PathComparison), len(found.jsd) == len(found.kl)
        (True, True)
    """

    temperatures: FloatArray
    jsd: FloatArray
    kl: FloatArray
    entropy_correlation: FloatArray
    model: tuple[float, float, float]
    margin: Against
    correlation_gain: Against

    @property
    def holds(self) -> bool:
        """Whether both intervals lie above zero, which is more than any temperature gives."""
        return self.margin.low > 0 and self.correlation_gain.low > 0


def against_path(
    human: ArrayLike,
    teacher_logits: ArrayLike,
    probs: ArrayLike,
    *,
    temperatures: FloatArray = TEMPERATURES,
    samples: int = 1000,
    seed: int = 0,
) -> PathComparison:
    """Compare a model with the path of its teacher over all temperatures.

    Items and seeds are resampled as in :func:`~ambiguity_lib.evaluation.summarise`; the path, its
    lowest values and the temperature that suits the teacher best are found anew in each resample.

    Args:
        human: Human distributions, shape (N, C).
        teacher_logits: Of each seed's teacher, shape (S, N, C).
        probs: Of each seed's model, shape (S, N, C).
        temperatures: Ascending, shape (T,).
        samples: Bootstrap resamples.
        seed: Seed of the resampling.

    Returns:
        Path, model, margin and gain in entropy correlation.

    Raises:
        ValueError: If the shapes do not fit.

    Examples:
        >>> import numpy as np
        >>> from ambiguity_lib.evaluation import against_path
        >>> from ambiguity_lib.method import apply_temperature, oracle_temperature
        >>> generator = np.random.default_rng(0)
        >>> human = generator.dirichlet([1, 1, 1], size=200)
        >>> logits = 3 * np.log(human) + generator.normal(size=human.shape)

        The teacher itself, at its best temperature, lies on its path; people lie below it:

        >>> best = apply_temperature(logits, oracle_temperature(logits, human))
        >>> margin = against_path(human, [logits], [best], samples=100).margin
        >>> round(margin.value, 3)
        0.0
        >>> against_path(human, [logits], [human], samples=100).holds
        True
    """
    return against_path_all(
        human, teacher_logits, {"": probs}, temperatures=temperatures, samples=samples, seed=seed
    )[""]


def against_path_all(
    human: ArrayLike,
    teacher_logits: ArrayLike,
    probs: Mapping[str, ArrayLike],
    *,
    temperatures: FloatArray = TEMPERATURES,
    samples: int = 1000,
    seed: int = 0,
) -> dict[str, PathComparison]:
    """The same for several models by name, for which the path is found once."""
    people, z = (np.asarray(array, float) for array in (human, teacher_logits))
    models = {name: np.asarray(own, float) for name, own in probs.items()}
    for q in models.values():
        if z.ndim != 3 or z.shape != q.shape or z.shape[1:] != people.shape:
            raise ValueError(
                f"human {people.shape} must be (N, C), teacher_logits {z.shape} and probs "
                f"{q.shape} both (S, N, C)"
            )
    drawn = Resamples.draw(len(z), len(people), samples=samples, seed=seed)
    everything = Resamples(
        np.full((1, len(z)), 1 / len(z)), np.full((1, len(people)), 1 / len(people))
    )
    weights = Resamples(
        np.vstack([everything.seeds, drawn.seeds]), np.vstack([everything.items, drawn.items])
    )
    doubt = entropy(people)

    def measured(per_seed: list[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """JSD, KL and correlation, (B, P), of P distributions a seed, (P, N, C) each."""
        found = []
        for one in per_seed:
            js = np.stack([jensen_shannon_distance(people, own) for own in one])
            kl = np.stack([kl_divergence(people, own) for own in one])
            doubts = np.stack([entropy(own) for own in one])
            parts = weights.items @ js.T, weights.items @ kl.T
            found.append((*parts, correlations(doubt, doubts, weights.items)))
        jsd, kl, corr = (
            np.einsum("bs,sbp->bp", weights.seeds, np.stack(parts))
            for parts in zip(*found, strict=True)
        )
        return jsd, kl, corr

    path = measured(
        [np.stack([apply_temperature(own, float(t)) for t in temperatures]) for own in z]
    )

    def compared(q: FloatArray) -> PathComparison:
        model = measured([own[np.newaxis] for own in q])
        gains = [
            (along - own) / along.min(axis=1, keepdims=True)
            for along, own in zip(path[:2], model[:2], strict=True)
        ]
        gain = model[2][:, 0] - path[2].max(axis=1)
        jsd, kl, corr = (float(own[0, 0]) for own in model)
        return PathComparison(
            temperatures=temperatures,
            jsd=path[0][0],
            kl=path[1][0],
            entropy_correlation=path[2][0],
            model=(jsd, kl, corr),
            margin=Against.of(_lowest_of_larger(*gains)),
            correlation_gain=Against.of(gain),
        )

    return {name: compared(q) for name, q in models.items()}


def _lowest_of_larger(a: FloatArray, b: FloatArray) -> FloatArray:
    """Lowest value of max(a, b) along rows of (B, T), both straight between their points."""
    at_points = np.maximum(a, b).min(axis=1)
    first, last = a[:, :-1] - b[:, :-1], a[:, 1:] - b[:, 1:]
    crossing = first * last < 0
    share = np.where(crossing, first / np.where(crossing, first - last, 1.0), 0.0)
    where = np.where(crossing, a[:, :-1] + share * (a[:, 1:] - a[:, :-1]), np.inf)
    return np.minimum(at_points, where.min(axis=1))
