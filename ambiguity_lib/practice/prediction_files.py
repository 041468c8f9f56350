"""Files with what a model said: ChaosNLI's two formats, and one JSON object a line.

ChaosNLI (Nie et al., 2020) takes submissions as one JSON object, uid → ``{"uid",
"predicted_probabilities", "predicted_label"}``, and releases the predictions of several models as
name → uid → ``{"uid", "logits", "predicted_label"}``. Files with a line an item, JSON or a table,
hold ``uid`` (or ``id``, ``idx``) and one of these lists, or a column for each class.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from ambiguity_lib.data.schema import NLI_CLASSES
from ambiguity_lib.practice.cells import (
    Classes,
    fold,
    is_blank,
    read_distribution,
    read_id,
    read_numbers,
    renormalise,
    shorten,
    spelt_as,
)
from ambiguity_lib.practice.file_rows import (
    IDS,
    ProblemLog,
    data_suffix,
    load_json,
    read_json_lines,
    read_rows,
    read_text_lines,
)
from ambiguity_lib.store import written_whole

#: Fields that may hold what a model says, in the order in which they are looked for.
FIELDS = ("predicted_probabilities", "probs", "logits")


@dataclass(frozen=True)
class PredictionFile:
    """What one model said.

    Attributes:
        name: The model's name in the file, or the file's own.
        probs: uid → distribution, shape (C,), in the order that was asked for.
        listed: Whether some were lists, which do not name their classes.
    """

    name: str
    probs: Mapping[str, NDArray[np.float64]]
    listed: bool = False

    def align(self, uids: Sequence[str]) -> NDArray[np.float64]:
        """Distributions of the given items, shape (N, C).

        Raises:
            ValueError: If there is none for an item; names the first ones.
        """
        missing = [uid for uid in uids if uid not in self.probs]
        if missing:
            raise ValueError(
                f"{self.name} has no prediction for {len(missing)} of {len(uids)} items, first "
                f"{', '.join(missing[:3])}; items are found by their id"
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
    order = list(class_names if file_order is None else spelt_as(file_order, class_names))
    if sorted(order) != sorted(class_names):
        raise ValueError(
            f"the files' order {', '.join(order)} must name the classes {', '.join(class_names)}"
        )
    classes = Classes(order)
    columns = [order.index(name) for name in class_names]
    models: dict[str, dict[str, NDArray[np.float64]]] = {}
    plain: dict[str, None] = {}
    listed: set[str] = set()
    for path in map(Path, paths):
        for where, model, uid, entry in _entries(path, classes):
            if not model:
                plain[path.name] = None
            known = models.setdefault(model, {})
            try:
                uid = read_id(uid)
                if uid in known:
                    raise ValueError(f"the id {uid!r} occurs twice")
                known[uid] = _distribution(entry, classes)[columns]
                if any(_is_list(entry.get(field)) for field in FIELDS):
                    listed.add(model)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
    if not models:
        raise ValueError("there is no prediction in the files")
    return [
        PredictionFile(name or " + ".join(plain), probs, name in listed)
        for name, probs in models.items()
    ]


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


def _entries(path: Path, classes: Classes) -> Iterator[tuple[str, str, Any, Mapping[str, Any]]]:
    """Where it stands, the model (empty if the file names none), the id, and what is said."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no predictions file {path}")
    log = ProblemLog(str(path))
    if (content := _whole_object(path)) is None:
        for number, entry in _rows(path, log):
            where = f"{path}, {log.unit} {number}"
            name = next((name for name in IDS if not is_blank(entry.get(name))), None)
            if name is None:
                raise ValueError(
                    f"{where}: there is no 'uid' (nor 'id', 'idx'); the fields are "
                    f"{', '.join(entry)}"
                )
            yield where, "", entry[name], _by_class(entry, classes)
        return
    for key, value in content.items():
        where = f"{path}, {key!r}"
        entry = _mapping(value, where)
        if "uid" in entry or any(field in entry for field in FIELDS):
            yield where, "", _same_id(key, entry, where), entry
            continue
        for uid, nested in entry.items():
            inner = f"{where}, {uid!r}"
            found = _mapping(nested, inner)
            yield inner, str(key), _same_id(uid, found, inner), found


def _same_id(key: str, entry: Mapping[str, Any], where: str) -> str:
    if "uid" in entry and str(entry["uid"]) != key:
        raise ValueError(f"{where}: the entry has the uid {entry['uid']!r}: which one is it of?")
    return key


def _is_list(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("["))


def _whole_object(path: Path) -> dict[str, Any] | None:
    """The one JSON object, id or model → predictions, that a file is; None if it has rows."""
    if data_suffix(path) in (".csv", ".tsv", ".parquet"):
        return None
    log = ProblemLog(str(path))
    text = "".join(read_text_lines(path, log))
    log.raise_any()
    begin, _, rest = text.strip().partition("\n")
    if not text.strip() or text.lstrip().startswith("["):
        return None
    with suppress(ValueError, RecursionError):
        first = load_json(begin)  # a line that is whole: more of them, or one item
        if isinstance(first, dict) and (rest or any(name in first for name in (*IDS, *FIELDS))):
            return None
    try:
        content = load_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read as JSON: {error}") from error
    return dict(_mapping(content, str(path)))


def _rows(path: Path, log: ProblemLog) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a table or of JSON Lines."""
    if data_suffix(path) in (".csv", ".tsv", ".parquet"):
        frame = read_rows(path, "", None, log).frame
        rows = zip(frame.index.tolist(), frame.to_dict("records"), strict=True)
        found = [(number, {str(name): cell for name, cell in row.items()}) for number, row in rows]
    else:
        found = [(number, dict(row)) for number, row in read_json_lines(path, log)]
    log.raise_any()
    yield from found


def _by_class(entry: Mapping[str, Any], classes: Classes) -> Mapping[str, Any]:
    """A row, its columns named after classes taken as its probabilities."""
    if any(entry.get(field) is not None for field in FIELDS):
        return entry
    columns = {fold(name): name for name in entry}
    if not {fold(name) for name in classes.names} <= columns.keys():
        return entry
    cells = {name: entry[columns[fold(name)]] for name in classes.names}
    return {"probs": {name: _as_float(cell) for name, cell in cells.items()}}


def _as_float(cell: Any) -> Any:
    with suppress(ValueError):
        return float(cell) if isinstance(cell, str) else cell
    return cell


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected a JSON object, found {shorten(value)}")
    return value


def _distribution(entry: Mapping[str, Any], classes: Classes) -> NDArray[np.float64]:
    field = next((name for name in FIELDS if entry.get(name) is not None), None)
    if field is None:
        raise ValueError(
            f"there is none of {', '.join(FIELDS)}, nor a column for each of the classes "
            f"{', '.join(classes.names)}"
        )
    try:
        cell = read_numbers(entry[field])
        if field == "logits":
            if isinstance(cell, dict) and any(cell.get(name) is None for name in cell):
                raise ValueError(f"a class has no logit: {shorten(cell)}")
            if isinstance(cell, dict) and len(cell) < len(classes):
                raise ValueError(f"not every class has a logit: {shorten(cell)}")
            return np.asarray(softmax(classes.arrange(cell or [])))
        return renormalise(read_distribution(cell or [], classes)[None])[0][0]
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error
