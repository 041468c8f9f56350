"""What the numbers of a run allow to say, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from IPython.display import Markdown, display

from ambiguity_lib.evaluation import (
    PathComparison,
    differences,
    finding,
    loss,
    minus,
    told,
    with_interval,
)
from course.recipes import decisive

Results = Mapping[str, Any]
_LOST = {"excluded": "holds", "certain": "does not hold", "open": "is undecided"}
#: Finding → the pair whose difference it is about, and what it says.
_PAIRS = {
    4: (("distilled", "pruned"), "distilling a lower layer helps the pruned model"),
    5: (("distilled", "teacher"), "the student is closer to people than its teacher"),
}
MARGIN = 0.02


def lines(*sentences: str) -> None:
    """Show sentences as a list, with true minus signs."""
    display(Markdown(minus("\n".join(f"- {sentence}" for sentence in sentences))))


def layer_gaps(gaps: pd.DataFrame) -> str:
    """Source layer less top, as they are and each at its own temperature."""
    parts = []
    for own, when in ((False, "as they are"), (True, "each at its own temperature")):
        chosen = gaps[gaps["a"].str.contains(" at T") == own]
        told_of = [
            f"{row['score']} {told(row, 'closer', 'farther')}" for _, row in chosen.iterrows()
        ]
        parts.append(f"{when}: {', '.join(told_of)}")
    return "; ".join(parts) + "."


def pair(results: Results, a: str, b: str, scores: Sequence[str] = ("JSD", "KL")) -> str:
    """First method less second, on every data set."""
    table = pd.DataFrame(results["differences"])
    parts = [
        f"{score} {told(row, 'closer', 'farther')}"
        + (f" on {dataset}" if table["dataset"].nunique() > 1 else "")
        for score in scores
        for dataset, row in differences(table, score, a, b).iterrows()
    ]
    return f"{a} against {b}: {', '.join(parts)}."


def findings(results: Results, gaps: Any = None) -> dict[int, str]:
    """The word for each finding that can be judged from these results (``protocol.md``).

    Args:
        results: Of ``evidence.scores_of``.
        gaps: The ``layer_gaps`` of ``evidence.layers_of``, a table or as recorded, for the second.
    """
    table, scores = pd.DataFrame(results["differences"]), pd.DataFrame(results["scores"])
    surplus = scores[(scores["score"] == "overconfidence") & (scores["method"] == "teacher")]
    under = pd.DataFrame({"low": -surplus["high"], "high": -surplus["low"]})
    words = {1: finding(under)}
    if gaps is not None:
        layers = pd.DataFrame(gaps)
        words[2] = finding(layers[layers["a"] == "source"])
    lost = {
        loss(row, MARGIN)
        for _, row in differences(table, "accuracy_new", "pruned", "teacher").iterrows()
    }
    words[3] = _LOST[
        "excluded" if lost == {"excluded"} else "certain" if "certain" in lost else "open"
    ]
    for which, (names, _) in _PAIRS.items():
        rows = [differences(table, score, *names) for score in ("JSD", "KL")]
        words[which] = finding(pd.concat(rows))
    return dict(sorted(words.items()))


def verdicts(results: Results, numbers: Sequence[int]) -> list[str]:
    """A sentence for each of these findings, with the differences that decide it."""
    words, told_of = findings(results), []
    for which in numbers:
        names, claim = _PAIRS[which]
        difference = pair(results, *names)
        told_of.append(
            f"Finding {which}, that {claim}, **{words[which]}** in this run. "
            f"{difference[0].upper()}{difference[1:]}"
        )
    return told_of


def margins(results: Results, method: str, path: str) -> str:
    """How far a method of a recorded run lies below a path of temperatures, on each data set."""
    parts = []
    for row in results["margins"]:
        if (row["path"], row["method"]) == (path, method):
            one = row["margin"]
            parts.append(
                f"{one['value']:+.1%} [{one['low']:+.1%}, {one['high']:+.1%}] on {row['dataset']}, "
                f"correlation {gained(row['correlation'])}"
            )
    return "; ".join(parts)


def gained(gain: Mapping[str, float]) -> str:
    """A margin or a gain in correlation, with its interval."""
    return with_interval({**gain, "difference": gain["value"]})


def recipes(results: Results) -> str:
    """Whether the recipe that was chosen lies below all temperatures where it was not chosen."""
    final = decisive(results["looks"], results["winner"])
    word = "is" if all(one["holds"] for one in final) else "is not shown to be"
    told = "; ".join(
        f"margin {gained(one['margin'])} and entropy correlation {gained(one['correlation'])} on "
        f"{one['dataset']}"
        for one in final
    )
    return (
        f"[Six recipes](results_recorded.ipynb#recipes), written down before the first was "
        f"trained, try for more, in {len(results['seeds'])} trainings of MiniLM. The one that was "
        f"chosen **{word} more than a temperature** of its teacher: {told}."
    )


def beyond(found: PathComparison) -> str:
    """Whether a model lies below all temperatures of its teacher."""
    word = "is" if found.holds else "is not shown to be"
    margin, correlation = (gained(vars(gain)) for gain in (found.margin, found.correlation_gain))
    return (
        f"In this run the distilled student **{word} more than a temperature**: margin {margin}, "
        f"entropy correlation {correlation}."
    )
