"""The figures as plots, drawn in the environment for comparisons.

    python plots.py MEASURES COMPANIES FOLDER

It is given the files that `benchmarks all` and `benchmarks.fleet` have written, and the folder of the pictures. Each is
drawn in English and French. The same figures make the same files.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

CURVES = {
    "first": ("first run, without its writes", "première exécution, sans ses écritures"),
    "everyone": ("a run that looks at all", "une exécution qui regarde tout"),
    "with_start": ("quiet run, with the start", "exécution au repos, avec le démarrage"),
    "quiet": ("quiet run: observe and plan", "exécution au repos : observer et planifier"),
    "explain_name": ("explain, by name", "explain, par le nom"),
    "status": ("status", "status"),
}
LANGUAGES = ("", ".fr")


def draw_measures(figures: Any, folder: Path) -> None:
    """Processor seconds and memory over the number of links, both logarithmic, in each language."""
    links = ("linked contacts", "contacts liés")
    titles = (("processor seconds", "secondes de processeur"), ("peak memory, MB", "mémoire au plus, Mo"))
    for number, suffix in enumerate(LANGUAGES):
        figure, panels = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
        for which, panel in enumerate(panels):
            for curve, names in CURVES.items():
                points = sorted((int(size), point[which]) for size, point in figures["curves"][curve].items())
                panel.plot(*zip(*points, strict=True), marker="o", markersize=4, label=names[number])
            panel.set(xscale="log", yscale="log", xlabel=links[number], title=titles[which][number])
            panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _, n=number: whole(value, n)))
            panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _, n=number: short(value, n)))
            panel.yaxis.set_minor_formatter(NullFormatter())
            panel.grid(alpha=0.3, which="both", linewidth=0.5)
        panels[1].set_yticks([50, 100, 200, 300, 500, 1000])
        smallest, largest = (edge(map(int, figures["curves"]["quiet"])) for edge in (min, max))
        slope = ("the same for each link", "autant pour chaque lien")[number]
        guide = [size / 100_000 for size in (smallest, largest)]
        panels[0].plot([smallest, largest], guide, "--", color="grey", linewidth=1, label=slope)
        panels[0].set_ylim(bottom=0.02)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
        save(figure, folder / f"measures{suffix}.svg")


def draw_companies(simulated: Any, folder: Path) -> None:
    """How late runs begin, over the number of companies, in each language."""
    words = (("companies of 2,000 contacts", "seconds late, 95 % of the runs", "{} processors, simulated", "measured"),
             ("sociétés de 2 000 contacts", "secondes de retard, 95 % des exécutions", "{} processeurs, simulation",
              "mesuré"))  # fmt: skip
    for number, suffix in enumerate(LANGUAGES):
        x, y, curve, measured = words[number]
        figure, panel = plt.subplots(figsize=(7, 4), layout="constrained")
        for processors, points in simulated["late"].items():
            panel.plot(*zip(*points, strict=True), label=curve.format(processors))
        for one in simulated["measured"]:
            panel.plot([one["companies"]], [one["late"]], "kx", label=measured)
        panel.axhline(60, color="grey", linestyle="--", linewidth=1)
        panel.set(yscale="log", xlabel=x, ylabel=y, ylim=(0.3, 1000))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _, n=number: whole(value, n)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _, n=number: short(value, n)))
        panel.grid(alpha=0.3, linewidth=0.5)
        panel.legend(frameon=False)
        save(figure, folder / f"companies{suffix}.svg")


def whole(value: float, language: int) -> str:
    """A whole number with its thousands apart."""
    return f"{value:,.0f}".replace(",", "\N{NO-BREAK SPACE}" if language else ",")


def short(value: float, language: int) -> str:
    """A number with the digits it needs."""
    return whole(value, language) if value >= 1 else f"{value:g}".replace(".", "," if language else ".")


def save(figure: Figure, file: Path) -> None:
    """Write a picture that depends on the figures alone."""
    figure.savefig(file, metadata={"Date": None})
    text = file.read_text("utf-8")
    file.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", "utf-8")
    plt.close(figure)


def main(measures: str, companies: str, folder: str) -> None:
    """Draw all pictures."""
    mpl.rcParams.update({"svg.hashsalt": "sage100-ssm", "svg.fonttype": "none", "font.size": 9})
    mpl.rcParams["font.family"] = ["DejaVu Sans"]
    draw_measures(json.loads(Path(measures).read_text("utf-8")), Path(folder))
    draw_companies(json.loads(Path(companies).read_text("utf-8")), Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
