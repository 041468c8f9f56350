"""The figures of the findings, drawn of recorded runs and of the live one (``course.evidence``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ambiguity_lib.data.schema import NLI_CLASSES
from ambiguity_lib.evaluation import number, with_interval
from ambiguity_lib.models import expected_speedup, fixed_share
from ambiguity_lib.practice.figures import (
    CLASS_COLORS,
    CURVE_COLORS,
    method_color,
    plot_before_after,
)
from ambiguity_lib.practice.run import Run
from ambiguity_lib.study import marked
from course.evidence import of_dataset
from course.figures.panels import side_by_side
from course.figures.simplex import plot_simplex, simplex_coordinates
from course.say import findings, gained

Results = Mapping[str, Any]

#: One mark a method, so that no figure needs its colours.
MARKERS = {
    "teacher": "o",
    "trained longer": "h",
    "pruned": "s",
    "distilled": "D",
    "distilled from the top": "v",
    "label smoothing": "^",
    "temperature scaling": "P",
    "LS-TS": "X",
    "MC dropout": "<",
    "deep ensemble": ">",
}
_HUMAN, _GREY = method_color("human"), "#777777"
_RAW, _SCALED = CURVE_COLORS[0], CURVE_COLORS[1]


def main_set(results: Results) -> str:
    """The evaluation set that a run is first of all judged on."""
    return next(iter(results["people"]))


def mean_layers(results: Results, dataset: str | None = None) -> pd.DataFrame:
    """One row a layer, means over seeds and folds, of the probes that decide."""
    table = of_dataset(results["layers"], dataset or main_set(results))
    table = table[table["readout"] == "mean"].drop(columns="readout")
    return table.groupby("layer").mean()


def score_rows(results: Results, score: str, dataset: str | None = None) -> pd.DataFrame:
    """Mean and interval of a score, one row a method."""
    table = of_dataset(results["scores"], dataset or main_set(results))
    return table[table["score"] == score].set_index("method")


def _draw_thirds(
    ax: Axes, results: Results, model: str, confidence: str, agree: str
) -> pd.DataFrame:
    """Both lines over the thirds of human doubt, under these names; the rows that they show."""
    table = of_dataset(results["thirds"], main_set(results))
    own = table[table["method"] == model].sort_values("third")
    ax.plot([1, 2, 3], own["confidence"], "o-", color=method_color("teacher"), label=confidence)
    ax.plot([1, 2, 3], own["agree"], "s--", color=_HUMAN, label=agree)
    ax.set(xticks=[1, 2, 3], xticklabels=["agreed", "", "divided"])
    ax.set(xlabel="thirds of the items", ylabel="mean share")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return own


def _draw_distances(ax: Axes, table: pd.DataFrame, raw: str | None, scaled: str) -> None:
    """Distance to people over the layers, as they are and at their own best temperature."""
    ax.plot(table.index, table["JSD"], "o-", ms=4, color=_RAW, label=raw)
    ax.plot(table.index, table["JSD at T"], "D:", ms=4, color=_SCALED, label=scaled)
    ax.set(xlabel="layer", ylabel="JS distance to people")


def show_thirds(columns: Mapping[str, tuple[Results, str]], message: str) -> HTML:
    """Confidence of a model and the share of people who agree, over the thirds of human doubt.

    Args:
        columns: Heading → results and name of the model in them.
        message: The caption.
    """

    def draw(axes: Sequence[Axes], column: tuple[Results, str]) -> None:
        results, model = column
        (ax,) = axes
        own = _draw_thirds(
            ax, results, model, "confidence of the model", "people who agree with it"
        )
        ax.fill_between([1, 2, 3], own["agree"], own["confidence"], color="#E9E9E9")
        ax.set_ylim(0.3, 1)
        ax.grid(axis="y")

    alt = (
        "Confidence of the model, and the share of people who agree with its answer, in the three "
        "thirds of the items by human entropy."
    )
    return side_by_side(columns, draw, message=message, alt=alt)


def draw_layers(axes: Sequence[Axes], results: Results) -> None:
    """Validation accuracy, entropy and distance to people of every layer's probe."""
    table, human = mean_layers(results), results["people"][main_set(results)]
    first, second, third = axes
    first.plot(
        table.index, table["validation accuracy"], "o-", ms=4, color=_RAW, label="as they are"
    )
    first.set(ylabel="validation accuracy")
    second.plot(table.index, table["entropy"], "o-", ms=4, color=_RAW)
    second.axhline(human["entropy"], color=_HUMAN, linestyle="--", label="people")
    second.set(ylabel="entropy (nats)", ylim=(0, None))
    _draw_distances(third, table, None, "at its own best temperature (gold)")
    for ax in axes:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="y")


def show_layers(columns: Mapping[str, Results], message: str) -> HTML:
    """The probes of all layers: accuracy, doubt, and distance to people."""
    alt = (
        "Three panels over the layers, from the embedding output to the top: validation accuracy; "
        "mean entropy with a dashed line for people's; JS distance to people, as it is and with "
        "every layer at its own best temperature."
    )
    return side_by_side(columns, draw_layers, message=message, alt=alt, rows=3, size=(2.2, 1.7))


def draw_cut(axes: Sequence[Axes], results: Results) -> None:
    """Accuracy by layer with the cut, and speed by depth."""
    table, choices = mean_layers(results), pd.DataFrame(results["choices"])
    first, second = axes
    accuracy = table["validation accuracy"]
    first.plot(
        accuracy.index, accuracy, "o-", ms=4, color=_RAW, label="validation accuracy of the probe"
    )
    depth = float(choices["depth"].mean())
    first.set(ylabel="validation accuracy", xlabel="layer")
    timed = "speed" in results  # not of the live run: what it takes here says nothing of elsewhere
    for ax in axes if timed else axes[:1]:
        ax.axvline(depth, color=_GREY, linestyle=":", label="cut (mean over seeds)")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="y")
    if not timed:
        second.set_visible(False)
        return
    speed = pd.DataFrame(results["speed"]).set_index("depth")
    seconds = pd.Series([row["milliseconds"] for row in speed["timing"]], index=speed.index)
    total = int(seconds.index.max())
    outside, kept = fixed_share(seconds[0], seconds[total]), seconds.index[1:]
    speeds = seconds[total] / seconds[kept]
    second.plot(kept, speeds, "D", ms=4, color=_SCALED, label="speed, measured")
    second.plot(
        kept,
        [expected_speedup(k, total, outside) for k in kept],
        "--",
        color=_SCALED,
        label="Amdahl's law",
    )
    second.set(ylabel="times as fast", xlabel="layers kept", ylim=(0, None))


def show_cut(columns: Mapping[str, Results], message: str) -> HTML:
    """Where accuracy levels off, and what is gained by cutting there."""
    alt = (
        "Two panels: validation accuracy of every layer's probe, with a dotted line at the depth "
        "that the rule chooses; times as fast as the full model by layers kept, measured and by "
        "Amdahl's law."
    )
    return side_by_side(columns, draw_cut, message=message, alt=alt, rows=2, size=(2.2, 1.9))


def draw_shares(ax: Axes, rows: Mapping[str, Sequence[float]], class_names: Sequence[str]) -> None:
    """One stacked bar a row: who says what about one sentence."""
    left = np.zeros(len(rows))
    shares = np.array(list(rows.values()))
    for c, name in enumerate(class_names):
        ax.barh(list(rows), shares[:, c], left=left, color=CLASS_COLORS[c], label=name, height=0.7)
        for y, (start, share) in enumerate(zip(left, shares[:, c], strict=True)):
            if share >= 0.08:
                ink = "black" if c == 1 else "white"
                place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 9}
                ax.text(start + share / 2, y, f"{100 * share:.0f}", color=ink, **place)
        left += shares[:, c]
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xticks=[], xlabel="share (%)")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(left=False)


def show_six(items: pd.DataFrame, votes: str) -> HTML:
    """The six sentences, what a hundred people said of them, and the reader's own answers.

    Args:
        items: As :func:`~course.evidence.six_items` gives them.
        votes: Six letters, ``e``, ``n`` or ``c``; any other is no answer.

    Raises:
        ValueError: If there are not six letters.
    """
    if len(votes) != len(items):
        raise ValueError(f"{len(items)} letters are needed, one a sentence; got {votes!r}")
    counts = items[list(NLI_CLASSES)].to_numpy(int).tolist()
    rows = {str(place): [n / 100 for n in row] for place, row in enumerate(counts, 1)}
    agree = [
        f"{row['enc'.index(letter)]}%" if letter in "enc" else ""
        for letter, row in zip(votes, counts, strict=True)
    ]
    message = (
        "On the first people agree, on the last they do not. Votes of a hundred people on each."
    )
    if any(agree):
        with_you = ", ".join(f"{n}: {share}" for n, share in zip(rows, agree, strict=True) if share)
        message += f" So many agree with you: {with_you}."
    alt = "Six stacked bars, the votes on each sentence: entailment, neutral, contradiction."
    return side_by_side(
        {"votes": rows},
        lambda axes, data: draw_shares(axes[0], data, list(NLI_CLASSES)),
        message=message,
        alt=alt,
        size=(3.1, 2.3),
    )


def show_target(shown: Mapping[str, Any], target: Sequence[float], item: Any, message: str) -> HTML:
    """Who says what about one sentence: people, teacher, source layer, target, student."""
    rows = {"people": shown["human"], "teacher": shown["teacher"], "source layer": shown["source"]}
    rows |= {"target": list(target), "student": shown["distilled"]}
    return side_by_side(
        {f"{item.text} → {item.text_pair}": rows},
        lambda axes, data: draw_shares(axes[0], data, list(NLI_CLASSES)),
        message=message,
        alt="Five stacked bars: people, teacher, source layer, target, student.",
        size=(3.1, 2.0),
    )


def show_triangles(columns: Mapping[str, Mapping[str, Any]], message: str) -> HTML:
    """Where the items lie in the triangle of opinions; a dot's area is its number of items."""

    def draw(axes: Sequence[Axes], people: Mapping[str, Any]) -> None:
        ax, cells = plot_simplex(axes[0], ("e", "n", "c")), np.asarray(people["triangle"])
        area = 900 * cells[:, -1] / cells[:, -1].sum()
        x, y = simplex_coordinates(cells[:, :-1]).T
        ax.scatter(x, y, s=area, color=_HUMAN, alpha=0.55, lw=0)

    alt = "Triangles of entailment, neutral and contradiction, a dot where items lie."
    return side_by_side(columns, draw, message=message, alt=alt, size=(2.2, 2.1), same_y=False)


def draw_methods(axes: Sequence[Axes], results: Results, names: Sequence[str]) -> None:
    """JS distance and KL of methods, with intervals; and diamonds, each at its own temperature."""
    own = of_dataset(results["own_temperature"], main_set(results)).set_index("method")
    labels = {"JSD": "JS distance to people", "KL": "KL to people (nats)"}
    for ax, (score, label) in zip(axes, labels.items(), strict=True):
        rows = score_rows(results, score).to_dict("index")
        first_row = next(y for y, name in enumerate(names) if name in rows)
        for y, name in enumerate(names):
            if name not in rows:
                continue
            row, color = rows[name], method_color(name)
            scaled = own[f"{score} at T"].to_dict()[name]
            first: dict[str, Any] = {"label": "as it is"} if y == first_row else {}
            second: dict[str, Any] = (
                {"label": "at its own best temperature (gold)"} if first else {}
            )
            ax.hlines(y, row["low"], row["high"], color=color, linewidth=2)
            ax.plot(row["mean"], y, "o", color=color, ms=5, linestyle="none", **first)
            hollow: dict[str, Any] = {"markerfacecolor": "white", "linestyle": "none"}
            ax.plot(scaled, y, "D", color=color, ms=5, **hollow, **second)
        ax.set(yticks=range(len(names)), yticklabels=names, xlabel=label)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.grid(axis="x")


def show_methods(columns: Mapping[str, Results], names: Sequence[str], message: str) -> HTML:
    """Distance to people of several methods, as they are and without their level of doubt."""
    known = {name for results in columns.values() for name in results["costs"]}
    names = [name for name in names if name in known]  # a row stays empty where it was not run
    alt = (
        "JS distance and KL to people, one row a method: a dot with its 95% interval as it is, a "
        "diamond at the temperature that suits it best."
    )
    return side_by_side(
        columns,
        lambda axes, results: draw_methods(axes, results, names),
        message=message,
        alt=alt,
        rows=2,
        size=(2.9, 0.8 + 0.2 * len(names)),
    )


def draw_plane(
    ax: Axes, results: Results, names: Sequence[str], dataset: str | None = None
) -> None:
    """Methods in the plane of JSD and KL, and the way that the teacher takes by a temperature."""
    path = pd.DataFrame(results["path"][dataset or main_set(results)])
    ax.plot(path["JSD"], path["KL"], "-", color=_GREY, label="teacher at all temperatures")
    jsd, kl = (score_rows(results, score, dataset)["mean"].to_dict() for score in ("JSD", "KL"))
    shown = [name for name in names if name in jsd]
    for name in shown:
        color, marker = method_color(name), MARKERS[name]
        ax.plot(jsd[name], kl[name], marker, color=color, ms=6, label=name, linestyle="none")
    lowest = pd.concat([path[["JSD", "KL"]], pd.DataFrame({"JSD": jsd, "KL": kl}).loc[shown]]).min()
    right, top = max(jsd[name] for name in shown), max(kl[name] for name in shown)
    ax.set(xlim=(lowest["JSD"] - 0.006, right + 0.012), ylim=(lowest["KL"] - 0.03, top + 0.05))
    ax.set(xlabel="JS distance to people", ylabel="KL to people (nats)")
    ax.grid()


def show_plane(columns: Mapping[str, Results], names: Sequence[str], message: str) -> HTML:
    """Whether a method lies below all that a temperature of its teacher reaches, on every set."""
    panels = {
        name if len(results["people"]) == 1 else f"{name.partition(',')[0]}, {dataset}": (
            results,
            dataset,
        )
        for name, results in columns.items()
        for dataset in results["people"]
    }
    alt = (
        "JS distance to the right, KL upwards: a curve that the teacher takes as its temperature "
        "grows, and one mark a method. Below and left of it is better than every temperature."
    )
    return side_by_side(
        panels,
        lambda axes, panel: draw_plane(axes[0], panel[0], names, panel[1]),
        message=message,
        alt=alt,
        size=(2.2, 2.4),
        same_y=False,
    )


def show_map(columns: Mapping[str, Results], message: str) -> HTML:
    """JS distance of students by source layer and λ, of the runs that have trained them all."""

    def draw(axes: Sequence[Axes], results: Results) -> None:
        (ax,) = axes
        table = of_dataset(results["source_map"], main_set(results))
        grid = table.pivot(index="weight", columns="source", values="JSD")
        values = grid.to_numpy()
        ax.imshow(values, cmap="cividis_r", aspect="auto")
        for (y, x), value in np.ndenumerate(values):
            ink = "white" if value > (values.min() + values.max()) / 2 else "black"
            place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}
            ax.text(x, y, f"{value:.3f}".lstrip("0"), color=ink, **place)
        ax.set(xticks=range(grid.shape[1]), xticklabels=grid.columns, xlabel="source layer")
        ax.set(yticks=range(grid.shape[0]), yticklabels=grid.index, ylabel="λ")

    alt = "A table in colours: JS distance to people of a student for each source layer and λ."
    trained = {name: found for name, found in columns.items() if found["source_map"]}
    return side_by_side(trained, draw, message=message, alt=alt, size=(3.4, 1.5), same_y=False)


#: What tables call a score.
SHOWN = {"JSD": "JSD", "KL": "KL", "accuracy_new": "accuracy"}


def method_table(results: Results, dataset: str | None = None) -> pd.DataFrame:
    """JSD, KL, accuracy, passes and trainings, one row a method and reference; † reads gold."""
    scores = {name: score_rows(results, score, dataset)["mean"] for score, name in SHOWN.items()}
    table = pd.DataFrame(scores).map(number)
    costs = pd.DataFrame(results["costs"]).T.reindex(table.index)
    table["passes"] = costs["forwards"].map(lambda x: number(x, 2))
    table["trainings"] = costs["trainings"].map(lambda x: number(x, 2))
    return table.rename(index=marked).rename_axis(None)


def difference_table(results: Results) -> pd.DataFrame:
    """Paired differences of methods with intervals and corrected p-values, JSD and KL."""
    table = pd.DataFrame(results["differences"])
    table = table[table["score"].isin(SHOWN)]
    shown = table[["dataset", "score"]].replace(SHOWN)
    shown.index = pd.Index(table["a"] + " − " + table["b"])
    for name in ("difference", "low", "high"):
        shown[name] = [number(value, signed=True) for value in table[name]]
    shown["p, Holm"] = [number(value, 4) for value in table["p_holm"]]
    return shown


def margin_table(results: Results) -> pd.DataFrame:
    """Margins below the teacher's path and gains in correlation, with intervals."""
    rows = {}
    for row in results["margins"]:
        told_of = {name: gained(row[name]) for name in ("margin", "correlation")}
        rows[row["dataset"], f"path of {row['path']}", row["method"]] = told_of
    return pd.DataFrame(rows).T


def recipe_table(looks: Iterable[Results]) -> pd.DataFrame:
    """What recipes came to, a row a look; see :func:`course.recipes.looks`.

    LS-TS and the lowest and highest values of the teacher's path stand before those of a set.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for one in looks:
        less = pd.DataFrame(one["differences"]).query("b == 'LS-TS'").set_index("score").T
        scaled = {name: number(one[name] - less[name]["difference"]) for name in ("JSD", "KL")}
        rows.setdefault((one["dataset"], "LS-TS"), scaled)
        path = {name: number(value) for name, value in one["path"].items()}
        rows.setdefault((one["dataset"], "best of the path †"), path)
        rows[one["dataset"], one["method"]] = {
            **{name: number(one[name]) for name in path},
            **{f"{name} − LS-TS": with_interval(less[name]) for name in ("JSD", "KL")},
            **{name: gained(one[name]) for name in ("margin", "correlation")},
        }
    return pd.DataFrame(rows).T.fillna("").rename(columns={"entropy_corr": "entropy corr."})


def seed_table(results: Results) -> pd.DataFrame:
    """Standard deviations over seeds, of each method on the main set."""
    scores = {
        name: score_rows(results, score)["seed_sd"].astype(float) for score, name in SHOWN.items()
    }
    return pd.DataFrame(scores).dropna().map(lambda x: number(x, 4)).rename_axis(None)


def show_six_findings(results: Results) -> HTML:
    """One small picture for each statement of the paper's abstract, with the verdict on it."""
    words = findings(results, pd.DataFrame(results["layer_gaps"]))
    table, names = mean_layers(results), ["teacher", "pruned", "distilled"]
    depths = pd.DataFrame(results["choices"])["depth"]
    seconds = {
        row["depth"]: row["timing"]["milliseconds"] for row in results["speed"] if row["depth"]
    }
    whole = seconds[max(seconds)]
    smaller = "holds" if all(seconds[depth] < whole for depth in depths) else "does not hold"

    def surer(ax: Axes) -> None:
        _draw_thirds(ax, results, "teacher", "teacher's confidence", "people who agree")

    def lower(ax: Axes) -> None:
        _draw_distances(ax, table, "as it is", "own temperature")

    def converges(ax: Axes) -> None:
        ax.plot(table.index, table["validation accuracy"], "s-", ms=4, color=CURVE_COLORS[2])
        ax.axvline(depths.mean(), color=_GREY, linestyle=":", label="cut")
        ax.set(xlabel="layer", ylabel="validation accuracy")

    def helps(ax: Axes) -> None:
        rows = score_rows(results, "KL").to_dict("index")
        for y, name in enumerate(names):
            ax.hlines(y, rows[name]["low"], rows[name]["high"], color=method_color(name), lw=2)
            ax.plot(rows[name]["mean"], y, "o", color=method_color(name))
        ax.set(yticks=range(3), yticklabels=names, ylim=(2.6, -0.6), xlabel="KL to people (nats)")

    def together(ax: Axes) -> None:
        draw_plane(ax, results, names)
        jsd, kl = (score_rows(results, score)["mean"] for score in ("JSD", "KL"))
        for name in names:  # on a phone the legend is far away
            place: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8}
            ax.annotate(name, (jsd[name], kl[name]), (5, 3), **place)

    def faster(ax: Axes) -> None:
        ax.plot(
            list(seconds), [whole / one for one in seconds.values()], "^", color=CURVE_COLORS[3]
        )
        ax.set(xlabel="layers kept", ylabel="times as fast", ylim=(0, None))

    pictures = {
        f"1 Surer than people: {words[1]}": surer,
        f"2 Lower layers know better: {words[2]}": lower,
        f"3 Accuracy converges early: {words[3]}": converges,
        f"4 A lower layer teaches: {words[4]}": helps,
        f"5 Together, closer: {words[5]}": together,
        f"6 Smaller and faster: {smaller}": faster,
    }
    return side_by_side(
        pictures,
        lambda axes, draw: draw(axes[0]),
        message="Six findings, six pictures. Each has a chapter, below.",
        alt="Six small figures, described one by one below.",
        size=(2.2, 1.8),
        same_y=False,
    )


def plot_compression(run: Run) -> Axes:
    """Before, at a temperature and after, in JSD and KL to people."""
    rows = pd.DataFrame(run.measures)
    axes = plt.subplots(2, 1, figsize=(5.2, 3.8))[1]
    for ax, (measure, label) in zip(
        axes, {"JSD": "JS distance to people", "KL": "KL to people (nats)"}.items(), strict=True
    ):
        chosen = rows["data"].eq("human") & rows["measure"].eq(measure)
        plot_before_after(rows[chosen], ax, xlabel=label)
    return axes[-1]
