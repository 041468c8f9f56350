"""Encoders with a head: loading, depth, batches, training, speed."""

from ambiguity_lib.models.batches import (
    default_device,
    encode,
    extract_features,
    pool,
    resolve_precision,
    use_device,
)
from ambiguity_lib.models.loading import (
    SUPPORTED_FAMILIES,
    config_at_depth,
    head_classes,
    load_classifier,
    load_config,
    load_tokenizer,
    num_layers,
)
from ambiguity_lib.models.scratch import ModelConfig, ScratchConfig, build_scratch_checkpoint
from ambiguity_lib.models.speed import (
    Timing,
    count_parameters,
    expected_speedup,
    fixed_share,
    measure_latency,
    time_alternately,
    without_layers,
)
from ambiguity_lib.models.training import (
    Resume,
    TrainingConfig,
    fine_tune,
    predict_logits,
    soft_cross_entropy,
)

__all__ = [
    "SUPPORTED_FAMILIES",
    "ModelConfig",
    "Resume",
    "ScratchConfig",
    "Timing",
    "TrainingConfig",
    "build_scratch_checkpoint",
    "config_at_depth",
    "count_parameters",
    "default_device",
    "encode",
    "expected_speedup",
    "extract_features",
    "fine_tune",
    "fixed_share",
    "head_classes",
    "load_classifier",
    "load_config",
    "load_tokenizer",
    "measure_latency",
    "num_layers",
    "pool",
    "predict_logits",
    "resolve_precision",
    "soft_cross_entropy",
    "time_alternately",
    "use_device",
    "without_layers",
]
