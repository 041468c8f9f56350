"""What must be said beside the tables and figures of a compression, in whole sentences.

The model card, the report and the command line print the same sentences; nothing is escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ambiguity_lib.pruning import converged_depth

Run = Mapping[str, Any]


def intervals(run: Run) -> str:
    """How the intervals were made."""
    samples = run["settings"]["evaluation"]["bootstrap_samples"]
    return (
        f"In brackets: 95% intervals from {samples:,} bootstrap resamples of the items. Of few "
        "items an ECE comes out too high, and resampled higher still: its interval reaches as far "
        "down from the value as up, and is a rough one."
    )


def all_verdicts(run: Run) -> list[str]:
    """The verdicts, and what the probes say of the layers."""
    return [*run["verdicts"], *filter(None, [layer_note(run)])]


def depth_rule(run: Run) -> str:
    """How the depth was chosen."""
    depth, settings = run["layers"]["depth"], run["settings"]
    if settings["depth"] is not None:
        return f"The depth, {depth}, was set by hand."
    tolerance, accuracy = settings["tolerance"], run["layers"]["probe_accuracy"]
    rule = (
        f"the lowest of layers 1 to {len(accuracy) - 1} whose probe comes within {tolerance} of "
        f"the best validation accuracy among them ({max(accuracy[1:]):.3f})"
    )
    if converged_depth(accuracy, tolerance) == 1:
        return (
            f"Layer 1 is {rule}. The depth is {depth}, since a student needs a layer below its "
            "last one to learn from."
        )
    return f"The depth, {depth}, is {rule}."


def layer_note(run: Run) -> str | None:
    """That the layers of the encoder add nothing, where no probe on them beats that below them."""
    lowest, *layers = run["layers"]["probe_accuracy"]
    if lowest < max(layers):
        return None
    return (
        "Layers: the probe on the embedding output (layer 0) is at least as accurate "
        f"({lowest:.3f}) as that on any layer above it (at best {max(layers):.3f}): on these "
        "validation items, the encoder adds nothing that a probe can read."
    )


def tie_note(run: Run) -> str | None:
    """How many items have no majority, where there are any."""
    part = run["data"].get("human") or {}
    if not part.get("tied"):
        return None
    return (
        f"Ties: on {part['tied']:,} of the {part['items']:,} items with human answers, several "
        "classes share the first place. Accuracy, NLL and ECE take the majority that the data name "
        "there, or else the first of these classes."
    )
