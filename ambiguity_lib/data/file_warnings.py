"""What is odd about a user's file that can be read all the same: it is said, not refused."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

from ambiguity_lib.data.problems import list_names, shorten

# A class is rare if it has fewer rows than this, and than this share of an even part.
_RARE_ROWS = 10
_RARE_SHARE = 0.1
# As close as 'positve' to 'positive'; 'positive' and 'negative' have 0.63.
_TYPING_ERROR = 0.8


def class_warnings(labels: np.ndarray, names: Sequence[str], *, inferred: bool) -> list[str]:
    """Say which classes have no row or hardly any, and which names look like one class.

    Args:
        labels: Class indices, shape (N,) with N > 0.
        names: The C class names.
        inferred: Whether the names are only what was found in the file.

    Returns:
        One sentence each.
    """
    counts = np.bincount(labels, minlength=len(names)).tolist()
    warnings = []
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    if inferred and absent == ["0"]:
        given = ",".join(names[1:]) if len(names) <= 12 else "1,2,…"
        warnings.append(
            f"labels are numbers from 1 to {len(names) - 1}, read as positions that begin with 0, "
            f"so that there is a class '0' without rows; if they are names, give --classes {given}"
        )
    elif absent:
        warnings.append(f"no row has the label {list_names(absent)}")
    rare = _rare(names, counts)
    if inferred:
        warnings += _alike(names, counts, rare)
    if rare:
        said = ", ".join(f"{shorten(name)} ({count})" for name, count in list(rare.items())[:12])
        warnings.append(f"labels that few rows have, too few to learn or to judge by: {said}")
    return warnings


def repetition_warnings(items: Sequence[Hashable], labels: np.ndarray) -> list[str]:
    """Say how many rows have the text (or pair of texts) of another one.

    Args:
        items: N texts or pairs.
        labels: Their class indices, shape (N,).
    """
    found: dict[Hashable, list[int]] = defaultdict(list)
    for item, label in zip(items, labels.tolist(), strict=True):
        found[item].append(label)
    repeated = [given for given in found.values() if len(given) > 1]
    if not repeated:
        return []
    rows = sum(map(len, repeated))
    differing = sum(len(given) for given in repeated if len(set(given)) > 1)
    hint = f", {differing:,} of them with another label there" if differing else ""
    return [f"rows whose text stands in another row, too: {rows:,}{hint}"]


def _rare(names: Sequence[str], counts: Sequence[int]) -> dict[str, int]:
    limit = min(_RARE_ROWS, _RARE_SHARE * sum(counts) / len(names))
    return {name: n for name, n in zip(names, counts, strict=True) if 0 < n < limit}


def _alike(names: Sequence[str], counts: Sequence[int], rare: dict[str, int]) -> list[str]:
    """Names that differ in case and spaces only, and rare ones that are nearly another's."""
    plain: dict[str, list[str]] = defaultdict(list)
    for name in names:
        plain[" ".join(name.casefold().split())].append(name)
    warnings = [
        f"classes that differ in case or spaces only: {list_names(same)}; give --classes, and "
        "mend the labels, if they are one"
        for same in plain.values()
        if len(same) > 1
    ]
    size = dict(zip(names, counts, strict=True))
    for name, count in list(rare.items())[:100]:
        common = [other for other in names if size[other] > count and not _is_number(other)]
        near = difflib.get_close_matches(name, common, n=1, cutoff=_TYPING_ERROR)
        if near and len(plain[" ".join(name.casefold().split())]) == 1:
            warnings.append(
                f"the label {shorten(name)} ({count}) looks like a typing error for "
                f"{shorten(near[0])} ({size[near[0]]:,})"
            )
    return warnings


def _is_number(name: str) -> bool:
    return name.strip().lstrip("+-").isdigit()
