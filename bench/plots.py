"""The plots of the documentation, drawn from the committed results as SVG.

python -m bench.plots [FOLDER]        (default: docs/images)
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
IMAGES = ROOT / "docs" / "images"
OURS, THEIRS = "#2ca02c", "#d62728"
SIZES = ("25m", "base", "110m")
RETRIEVAL_LINES = {
    "rank_bm25_60_words_ms": ("rank-bm25, 60 words", THEIRS),
    "new_place_p95_ms": ("whole step at a new place, p95", "#1f77b4"),
    "key_p95_ms": ("whole step at the next key, p95", "#8c564b"),
    "edit_p95_ms": ("edit to searchable, p95", "#9467bd"),
    "query_p95_ms": ("query, p95", OURS),
    "ours_60_words_ms": ("ours, 60 words", "#ff7f0e"),
}
# The same file for the same figures: no date, no random ids; letters stay letters.
STYLE = {
    "svg.hashsalt": "infill-ls",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
}
MILLISECONDS = FuncFormatter(lambda ms, _: f"{ms:,g} ms")


def main() -> None:
    """Draw all of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=IMAGES)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        for name, figure in (
            ("first-token", first_token()),
            ("typing-clock", typing_clock()),
            ("retrieval", retrieval()),
            ("model-curve", model_curve()),
            ("team", team()),
            ("team-gpu", team_at_gpu()),
            ("team-turns", team_in_turns()),
        ):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")


def first_token() -> Figure:
    """Return the time from a key to the first token, beside llama-server's: median, and p95 as a whisker."""
    rows = [
        (f"{result['run']['model'][:20]}: {kind}", row)
        for result in map(read, sorted((RESULTS / "engine").glob("first-token-*.json")))
        for kind, row in result["figures"]["kinds"].items()
    ]
    figure = Figure(figsize=(8, 0.45 * len(rows) + 0.8))
    axes = figure.subplots()
    for place, (side, title, colour) in enumerate(
        (("ours", "infill-ls", OURS), ("theirs", "llama-server /infill", THEIRS))
    ):
        middles = [row[f"{side}_median_ms"] for _, row in rows]
        beyond = [row[f"{side}_p95_ms"] - row[f"{side}_median_ms"] for _, row in rows]
        levels = [number + (place - 0.5) * 0.4 for number in range(len(rows))]
        axes.barh(
            levels, middles, 0.36, xerr=([0.0] * len(rows), beyond), color=colour, label=title,
            error_kw={"elinewidth": 1, "ecolor": colour},
        )  # fmt: skip
        for level, middle, more in zip(levels, middles, beyond, strict=True):
            axes.annotate(
                f"{middle:g}", (middle + more, level), (3, 0), textcoords="offset points",
                va="center", fontsize=7,
            )  # fmt: skip
    axes.set_yticks(range(len(rows)), [title for title, _ in rows])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xscale("log")
    axes.set_xlim(1, 2e4)
    axes.xaxis.set_major_formatter(MILLISECONDS)
    axes.legend(loc="lower right")
    return figure


def typing_clock() -> Figure:
    """Return what a typist gets by how long a decode step takes, for each speed of typing."""
    cells = read(RESULTS / "engine" / "typing-clock.json")["figures"]["cells"]
    speeds: dict[str, list[tuple[float, Any]]] = {}
    for name, cell in cells.items():
        key_ms, step_ms, _rest = (float(part.split()[0]) for part in name.split(", "))
        title = f"a key each {key_ms:g} ms" if key_ms else "waited for"
        speeds.setdefault(title, []).append((step_ms, cell))
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (title, found), colour in zip(
        sorted(speeds.items()), ("#ff7f0e", "#1f77b4", OURS, "#7f7f7f"), strict=True
    ):
        found.sort(key=lambda each: each[0])
        steps_ms = [step_ms for step_ms, _ in found]
        style = "--" if title == "waited for" else ".-"
        for axes, figure_name in ((left, "seen_percent"), (right, "keys_saved_percent")):
            shares = [cell[figure_name] for _, cell in found]
            axes.plot(steps_ms, shares, style, color=colour, label=title)
    left.set_title("keys with a suggestion in time, %", fontsize=9)
    right.set_title("keys saved, %", fontsize=9)
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(MILLISECONDS)
        axes.set_ylim(0)
        axes.set_xlabel("a decode step of the machine")
    right.legend(loc="lower left")
    return figure


def retrieval() -> Figure:
    """Return how the times of retrieval grow with the workspace."""
    rows = read(RESULTS / "retrieval" / "queries.json")["figures"]["rows"]
    figure = Figure(figsize=(8, 4.4))
    axes = figure.subplots()
    for name, (title, colour) in RETRIEVAL_LINES.items():
        chunks, times_ms = [row["chunks"] for row in rows], [row[name] for row in rows]
        axes.plot(chunks, times_ms, color=colour)
        axes.annotate(
            title, (chunks[-1], times_ms[-1]), (6, 0), textcoords="offset points", va="center",
            color=colour,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    axes.yaxis.set_major_formatter(MILLISECONDS)
    axes.set_xlabel("chunks that are searched")
    return figure


def team() -> Figure:
    """Return the share of pauses answered, and the requests for each key, by how many editors share a server."""
    rows = read(RESULTS / "remote" / "simulated-team.json")["figures"]["rows"]
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for policy, colour in (("every key", THEIRS), ("after 150 ms", "#ff7f0e"), ("pacing", OURS)):
        mine = [row for row in rows if row["policy"] == policy]
        editors = [row["editors"] for row in mine]
        for axes, name in ((left, "answered_share"), (right, "requests_per_key")):
            axes.plot(editors, [row[name] for row in mine], color=colour, marker=".", label=policy)
            axes.set_ylim(0, 1.05)
            axes.set_xlabel("editors at one server")
    left.set_title("pauses in which an answer came", fontsize=9)
    right.set_title("requests for each key", fontsize=9)
    right.legend(loc="upper right")
    return figure


def team_at_gpu() -> Figure:
    """Return the same as it was measured at a GPU, and the time until an answer, for each model and policy."""
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    curves: dict[str, list[Any]] = {}
    for path in sorted((RESULTS / "remote").glob("h200-*.json")):
        # Twice what a server carries is a file of its own.
        curves.setdefault(path.stem.removesuffix("-400"), []).extend(
            read(path)["figures"].get("rows", ())
        )
    for name, found in curves.items():
        rows = sorted(found, key=lambda row: row["editors"])
        if len(rows) < 2:
            continue
        editors = [row["editors"] for row in rows]
        style = ".--" if name.endswith("every-key") else "o-" if "-turns-" in name else ".-"
        title = name.removeprefix("h200-").replace("-", " ", 2)
        shares = [row["answered_pauses_share"] for row in rows]
        left.plot(editors, shares, style, label=title, markersize=4)
        times_ms = [row["latency_ms"].get("p95") for row in rows]
        right.plot(editors, times_ms, style, label=title, markersize=4)
    left.set_ylim(0, 1.05)
    left.set_title("pauses in which an answer came", fontsize=9)
    right.set_title("from a key to its answer, p95", fontsize=9)
    right.set_yscale("log")
    right.yaxis.set_major_formatter(MILLISECONDS)
    for axes in (left, right):
        axes.set_xlabel("editors at one GPU")
    figure.legend(*right.get_legend_handles_labels(), loc="outside right center", fontsize=7)
    return figure


def team_in_turns() -> Figure:
    """Return how a simulated GPU agrees with a measured one, and on it pacing alone beside turns."""
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    colours = {"6.7b-fp8": OURS, "6.7b-bf16": THEIRS}
    like = read(RESULTS / "remote" / "simulated-gpu-like.json")["figures"]["rows"]
    judged = read(RESULTS / "remote" / "simulated-gpu.json")["figures"]["rows"]
    for model, colour in colours.items():
        # With one editor a quarter of a minute has only a dozen pauses.
        mine = sorted(
            (row for row in like if row["model"] == model and row["editors"] > 1),
            key=lambda row: row["editors"],
        )
        for which, style in (("measured", "o-"), ("simulated", "x--")):
            shares = [row[which]["answered_share"] for row in mine]
            title = f"{model.replace('-', ' ')}, {which}"
            left.plot([row["editors"] for row in mine], shares, style, color=colour, label=title)
        for policy, style in (("turns", "o-"), ("pacing", "x--")):
            rows = sorted(
                (row for row in judged if (row["model"], row["policy"]) == (model, policy)),
                key=lambda row: row["editors"],
            )
            title = f"{model.replace('-', ' ')}, {'turns' if policy == 'turns' else 'pacing alone'}"
            editors = [row["editors"] for row in rows]
            right.plot(
                editors, [row["answered_share"] for row in rows], style, color=colour, label=title
            )
    left.set_title("pauses in which an answer came", fontsize=9)
    right.set_title("simulated: of all pauses, also of who is out", fontsize=9)
    for axes in (left, right):
        axes.set_ylim(0, 1.05)
        axes.set_xlabel("editors at one GPU")
        axes.legend(loc="upper right", fontsize=7)
    return figure


def model_curve() -> Figure:
    """Return the held-out loss of middles against tokens and against parameters."""
    figures = read(RESULTS / "model" / "trials.json")["figures"]
    trials = {trial["name"]: trial for trial in figures["trials"]}
    trial = [
        (point["tokens"], point["middle"], "")
        for point in trials["base"]["held_out_bits_a_byte"]
        if point["tokens"]
    ]
    runs = [(run["tokens"], run["middle"], run["name"]) for run in figures["models"]]
    sizes = [
        (one["parameters"], one["held_out_bits_a_byte"][-1]["middle"], named(one["parameters"]))
        for one in (trials[name] for name in SIZES)
    ]
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    curve(left, runs, "#1f77b4")
    curve(left, trial, "#ff7f0e")
    left.set_title("59 M parameters, by tokens seen", fontsize=9)
    left.set_ylabel("bits a byte of the middle")
    curve(right, sizes, OURS)
    right.set_title("24 M tokens, by parameters", fontsize=9)
    right.set_xticks([25e6, 50e6, 100e6])
    right.xaxis.set_minor_formatter(NullFormatter())
    left.set_yticks([0.4, 0.5, 0.7, 1.0, 1.4, 2.0])
    left.yaxis.set_major_formatter(FuncFormatter(lambda bits, _: f"{bits:g}"))
    left.yaxis.set_minor_formatter(NullFormatter())
    return figure


def curve(axes: Axes, points: Sequence[tuple[float, float, str]], colour: str) -> None:
    """Draw points with their names, both axes logarithmic."""
    axes.plot(
        [at for at, _, _ in points], [bits for _, bits, _ in points], "o-", color=colour, ms=4
    )
    for at, bits, name in points:
        axes.annotate(name, (at, bits), (0, 6), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: named(number)))


def named(number: float) -> str:
    """Return a large number for people."""
    return f"{number / 1e9:g} B" if number >= 1e9 else f"{number / 1e6:.3g} M"


def read(path: Path) -> Mapping[str, Any]:
    """Return a result file."""
    result: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return result


if __name__ == "__main__":
    main()
