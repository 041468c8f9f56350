"""The paper: probes, layers, targets, temperatures, and the recipe made of them."""

from ambiguity_lib.method.layers import (
    LayerChoice,
    SelectionConfig,
    choose_layers,
    converged_depth,
    paired_errors,
    prune_to_depth,
    source_layer,
)
from ambiguity_lib.method.probes import LayerProbes, ProbingConfig, fit_probes, select_probes
from ambiguity_lib.method.recipe import (
    Classifier,
    Distillation,
    Pipeline,
    PipelineConfig,
    distil,
)
from ambiguity_lib.method.targets import (
    DistillationConfig,
    degenerate_signs,
    label_smoothing_targets,
    mixture_targets,
    one_hot_targets,
)
from ambiguity_lib.method.temperatures import (
    BaselinesConfig,
    apply_temperature,
    ensemble_probs,
    fit_ambiguity_temperature,
    fit_temperature,
    mc_dropout_probs,
    oracle_temperature,
    softmax,
)

__all__ = [
    "BaselinesConfig",
    "Classifier",
    "Distillation",
    "DistillationConfig",
    "LayerChoice",
    "LayerProbes",
    "Pipeline",
    "PipelineConfig",
    "ProbingConfig",
    "SelectionConfig",
    "apply_temperature",
    "choose_layers",
    "converged_depth",
    "degenerate_signs",
    "distil",
    "ensemble_probs",
    "fit_ambiguity_temperature",
    "fit_probes",
    "fit_temperature",
    "label_smoothing_targets",
    "mc_dropout_probs",
    "mixture_targets",
    "one_hot_targets",
    "oracle_temperature",
    "paired_errors",
    "prune_to_depth",
    "select_probes",
    "softmax",
    "source_layer",
]
