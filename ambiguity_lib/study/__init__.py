"""The whole experiment of a profile: its settings, methods, sweep and places."""

from ambiguity_lib.study.experiment import Experiment
from ambiguity_lib.study.methods import METHODS, RECIPES, Cost, Method, marked
from ambiguity_lib.study.paths import (
    artifact_directory,
    build_directory,
    project_root,
    run_directory,
)
from ambiguity_lib.study.profile import Profile, SecondTask, available_profiles, load_profile
from ambiguity_lib.study.provenance import plain, provenance
from ambiguity_lib.study.sweep import (
    SweepResult,
    find_methods,
    prepare,
    run_sweep,
    score_methods,
)

__all__ = [
    "METHODS",
    "RECIPES",
    "Cost",
    "Experiment",
    "Method",
    "Profile",
    "SecondTask",
    "SweepResult",
    "artifact_directory",
    "available_profiles",
    "build_directory",
    "find_methods",
    "load_profile",
    "marked",
    "plain",
    "prepare",
    "project_root",
    "provenance",
    "run_directory",
    "run_sweep",
    "score_methods",
]
