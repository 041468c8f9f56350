"""A model card from the record of a compression."""

from __future__ import annotations

import re

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from ambiguity_lib.evaluation.words import UNKNOWN
from ambiguity_lib.practice.run import Run, fill_in, one_line

_TAGS = ("distillation", "layer-pruning", "calibration", "human-label-variation", "ambiguity-lib")
_LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")


def model_card(run: Run) -> ModelCard:
    """The model card of a compressed classifier.

    It names the base model in its metadata only if that is on the hub, and a licence only if it is
    known.
    """
    return ModelCard(f"---\n{_metadata(run).to_yaml()}\n---\n\n{fill_in('model_card.md', run)}")


def _metadata(run: Run) -> ModelCardData:
    results = list(_results(run))
    licence = run.model.licence
    known = licence is None or _LICENCE_ID.fullmatch(licence) is not None
    return ModelCardData(
        base_model=run.base if run.on_hub else None,
        license=licence if known else "other",
        license_name=None if known else one_line(str(licence)),
        library_name="transformers",
        pipeline_tag="text-classification",
        tags=list(_TAGS),
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        # a name without results would be written, and lost when read
        model_name=run.title if results else None,
        eval_results=results or None,
    )


def _results(run: Run) -> list[EvalResult]:
    """The measures of the compressed model, in the hub's words."""
    return [
        EvalResult(
            task_type="text-classification",
            dataset_type="own-data" if run.places[one.data] == UNKNOWN else run.places[one.data],
            dataset_name=f"{one.data} ({run.data[one.data].items:,} items)",
            dataset_split=one.data,
            metric_type=one.measure.lower().replace(" ", "_"),
            metric_name=one.measure,
            metric_value=round(one.value, 4),
        )
        for one in run.measures
        if one.model == "after" and one.value is not None
    ]
