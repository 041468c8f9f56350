"""Files with what a model said: ChaosNLI's two formats, and one JSON object a line.

ChaosNLI (Nie et al., 2020) takes submissions as one JSON object, uid → ``{"uid",
"predicted_probabilities", "predicted_label"}``, and releases the predictions of several models as
name → uid → ``{"uid", "logits", "predicted_label"}``. Files with a line an item hold ``uid`` and
one of these lists.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ambiguity_lib.data.schema import NLI_CLASSES, SUM_TOLERANCE
from ambiguity_lib.store import written_whole

#: Fields that may hold what a model says, in the order in which they are looked for.
FIELDS = ("predicted_probabilities", "probs", "logits")


@dataclass(frozen=True)
class PredictionFile:
    """What one model said.

    Attributes:
        name: The model's name in the file, or the file's own.
        probs: uid → distribution, shape (C,), in the order that was asked for.
    """

    name: str
    probs: Mapping[str, NDArray[np.float64]]

    def align(self, uids: Sequence[str]) -> NDArray[np.float64]:
        """Distributions of the given items, shape (N, C).

        Raises:
            ValueError: If there is none for an item; names the first ones.
        """
        missing = [uid for uid in uids if uid not in self.probs]
        if missing:
            raise ValueError(
                f"{self.name} has no prediction for {len(missing)} of {len(uids)} items, first "
                f"{', '.join(missing[:3])}; items are found by their uid"
            )
        return np.stack([self.probs[uid] for uid in uids])


def read_prediction_files(
    paths: Iterable[str | Path],
    class_names: Sequence[str],
    *,
    file_order: Sequence[str] | None = None,
) -> list[PredictionFile]:
    """Read predictions; files of the same form and one model are put together.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file or a row is not as described; names it.
    """
    order = list(class_names if file_order is None else file_order)
    if sorted(order) != sorted(class_names):
        raise ValueError(
            f"the files' order {', '.join(order)} must name the classes {', '.join(class_names)}"
        )
    columns = [order.index(name) for name in class_names]
    models: dict[str, dict[str, NDArray[np.float64]]] = {}
    plain: list[str] = []
    for path in map(Path, paths):
        for model, uid, entry, where in _entries(path):
            if model is None and path.name not in plain:
                plain.append(path.name)
            known = models.setdefault(model or "", {})
            if uid in known:
                raise ValueError(f"{where}: uid {uid!r} occurs twice")
            known[uid] = _distribution(entry, len(columns), where)[columns]
    if not models:
        raise ValueError("there is no prediction in the files")
    return [PredictionFile(name or " + ".join(plain), probs) for name, probs in models.items()]


def write_prediction_file(
    path: Path, uids: Sequence[str], probs: NDArray[np.float64], class_names: Sequence[str]
) -> Path:
    """Write predictions in the format of ChaosNLI's submissions, whole or not at all.

    Labels of NLI are its letters e, n and c; others are the classes' names.
    """
    nli = tuple(class_names) == NLI_CLASSES
    labels = [name[0] if nli else name for name in class_names]
    content = {
        uid: {
            "uid": uid,
            "predicted_probabilities": row.tolist(),
            "predicted_label": labels[int(row.argmax())],
        }
        for uid, row in zip(uids, probs, strict=True)
    }
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _entries(path: Path) -> Iterator[tuple[str | None, str, Mapping[str, Any], str]]:
    """Model (None if the file names none), uid, what is said, and where it stands."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no predictions file {path}")
    lines = ".jsonl" in path.suffixes or ".ndjson" in path.suffixes
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            if lines:
                for number, line in enumerate(file, start=1):
                    where = f"{path}, line {number}"
                    if line.strip():
                        entry = _mapping(json.loads(line), where)
                        yield None, _uid(entry, where), entry, where
                return
            content = _mapping(json.load(file), str(path))
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, ValueError) and not isinstance(
            error, json.JSONDecodeError | UnicodeDecodeError
        ):
            raise
        raise ValueError(f"{path} cannot be read as JSON: {error}") from error
    for key, value in content.items():
        where = f"{path}, {key!r}"
        entry = _mapping(value, where)
        if "uid" in entry or any(field in entry for field in FIELDS):
            yield None, str(key), entry, where
            continue
        for uid, nested in entry.items():
            yield str(key), str(uid), _mapping(nested, f"{where}, {uid!r}"), f"{where}, {uid!r}"


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected a JSON object, found {type(value).__name__}")
    return value


def _uid(entry: Mapping[str, Any], where: str) -> str:
    if "uid" not in entry:
        raise ValueError(f"{where}: there is no 'uid'; the fields are {', '.join(entry)}")
    return str(entry["uid"])


def _distribution(entry: Mapping[str, Any], classes: int, where: str) -> NDArray[np.float64]:
    for field in FIELDS:
        if entry.get(field) is None:
            continue
        try:
            row = np.asarray(entry[field], dtype=np.float64)
        except (TypeError, ValueError):
            row = np.empty(0)
        if row.shape != (classes,) or not np.isfinite(row).all():
            raise ValueError(f"{where}: {field} must be {classes} numbers, found {entry[field]!r}")
        if field == "logits":
            return np.asarray(softmax(row))
        if row.min() < 0 or abs(row.sum() - 1) > 1e-3:
            raise ValueError(
                f"{where}: {field} must be probabilities that sum to one; found {entry[field]!r}"
            )
        # as after rounding to a few decimals
        return row if abs(row.sum() - 1) <= SUM_TOLERANCE else row / row.sum()
    raise ValueError(f"{where}: there is none of {', '.join(FIELDS)}")
