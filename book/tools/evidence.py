"""Records what the book's figures show of a real run (``course.evidence``).

Runs (or finds in the store) the seeds and methods that are asked for, and writes one record,
``book/results/PROFILE/evidence_seed0.json``, or ``evidence_emotion_seed0.json`` for the other
task; with ``--released`` what released models said of the profile's items, ``released_seed0.json``;
with ``--recipes`` the look at the recipes for a student below every temperature.
Can be stopped and started again at any time; a record is written whole or not at all.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ambiguity_lib.data.splits import load_splits
from ambiguity_lib.study import Experiment, load_profile
from ambiguity_lib.study.methods import PRIMARY
from ambiguity_lib.study.paths import project_root
from ambiguity_lib.study.sweep import find_methods, parse_seeds

sys.path.append(str(Path(__file__).resolve().parents[1]))

from course.evidence import evidence, released
from course.recipes import final_looks, recipes_of
from course.record import load_record, write_record


def main(
    profile: Annotated[str, typer.Argument(help="A profile's name or file.")],
    seeds: Annotated[str, typer.Option(help="As in 0,1 or 0-4; the profile's by default.")] = "",
    methods: Annotated[str, typer.Option(help="By name, with commas; all by default.")] = "",
    second_task: Annotated[bool, typer.Option(help="The profile's second task.")] = False,
    released_models: Annotated[bool, typer.Option("--released", help="Of others.")] = False,
    recipes: Annotated[bool, typer.Option(help="Below every temperature (protocol.md).")] = False,
    full_map: Annotated[bool, typer.Option(help="Students for all sources and weights.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder of the record.")] = None,
) -> None:
    """Run a profile and record what the book shows of it."""
    chosen = load_profile(profile)
    folder = output or project_root() / "book" / "results" / profile
    if released_models:
        items = load_splits(chosen.data)
        found = released(items.evaluation, items.evaluation_name)
        print(write_record("released", chosen, 0, found, directory=folder))
        return
    if second_task:
        chosen = chosen.for_second_task()
    asked = parse_seeds(seeds) if seeds else chosen.sweep_seeds
    exp = Experiment(chosen, asked[0])
    if recipes and second_task:
        chosen_by = folder / "recipes_seed0.json"
        if not chosen_by.is_file():
            raise typer.BadParameter(f"{chosen_by} is missing: the main task comes first")
        winner = load_record(chosen_by)["results"]["winner"]
        looks = final_looks(exp, [winner, PRIMARY], asked, exp.evaluation_splits)
        found = {"seeds": list(asked), "data": exp.splits.description, "looks": looks}
    elif recipes:
        found = recipes_of(exp, asked)
    else:
        names = [method.name for method in find_methods(methods or None)]
        found = evidence(exp, names, asked, full_map=full_map)
    name = ("recipes" if recipes else "evidence") + ("_emotion" if second_task else "")
    print(write_record(name, chosen, asked[0], found, directory=folder))


if __name__ == "__main__":
    typer.run(main)
