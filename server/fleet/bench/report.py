"""What a bench prints and writes: target, measured, ratio, verdict, and the spread behind them.

Responsible for figures and words. Refuses to round in anyone's favour: `met` compares medians unrounded.

Example: `report.table()` ends with `P1  sets/s  20000  10321  0.52  no`.
"""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.fleet.bench.machine import Machine, versions
from server.fleet.bench.p1 import Run
from server.fleet.bench.p13 import Wait

Measure = tuple[str, float, bool, Callable[[Any], float]]
"""What a figure is called, its target, whether more is better, and how to read it off a run."""

P1: tuple[Measure, ...] = (
    ("sets_per_s", 20_000.0, True, lambda run: run.sets_per_s),
    ("cpu_us_per_set", 80.0, False, lambda run: run.cpu_us_per_set),
    ("p99_s", 0.5, False, lambda run: run.p99_s),
    ("peak_mib", 300.0, False, lambda run: run.peak_mib),
)
P13: tuple[Measure, ...] = (
    ("late_max_ms", 1_000.0, False, lambda run: run.late_max_ms),
    ("late_p50_ms", 500.0, False, lambda run: run.late_p50_ms),
    ("idle_percent", 2.0, False, lambda run: run.idle_percent),
)


class Figure(msgspec.Struct, frozen=True):
    """One figure over all runs. `ratio` is measured to target, above 1 better where more is better."""

    target: float
    measured: float
    ratio: float
    met: bool
    min: float
    max: float


def report(case: str, runs: list[Run], machine: Machine) -> dict[str, Any]:
    """The storm as JSON-ready values; the first figure is the case's own."""
    found = measured(case, P1, runs, machine)
    return found | {
        "about": f"{len(runs)} runs of {runs[0].sets} sets",
        "p50_s": round(statistics.median(run.p50_s for run in runs), 4),
        "p99_s": found["figures"]["p99_s"]["measured"],
        "cpu_us_per_set": found["figures"]["cpu_us_per_set"]["measured"],
        "peak_mib": found["figures"]["peak_mib"]["measured"],
    }


def waited(runs: list[Wait], machine: Machine) -> dict[str, Any]:
    """The timers as JSON-ready values."""
    one = runs[0]
    about = f"{len(runs)} runs with {one.timers} timers, {one.told} steps told"
    return measured("P13", P13, runs, machine) | {"about": about}


def measured(
    case: str, measures: tuple[Measure, ...], runs: Sequence[Any], machine: Machine
) -> dict[str, Any]:
    """What every case says of its runs."""
    figures = {
        name: _figure(target, [read(run) for run in runs], more_is_better=more)
        for name, target, more, read in measures
    }
    first = next(iter(figures.values()))
    return {
        "id": case,
        "unit": measures[0][0],
        "target": first.target,
        "measured": first.measured,
        "ratio": first.ratio,
        "met": first.met,
        "figures": msgspec.to_builtins(figures),
        "runs": msgspec.to_builtins(runs),
        "machine": machine,
        "versions": versions(),
    }


def _figure(target: float, values: list[float], *, more_is_better: bool) -> Figure:
    measured = statistics.median(values)
    return Figure(
        target=target,
        measured=round(measured, 4),
        ratio=round(measured / target, 4),
        met=measured >= target if more_is_better else measured <= target,
        min=round(min(values), 4),
        max=round(max(values), 4),
    )


def table(found: dict[str, Any]) -> str:
    """The report for people."""
    lines = [f"{found['id']}: {found['about']}"]
    lines.append(f"{'':16}{'target':>10}{'median':>10}{'ratio':>8}{'met':>5}{'min':>10}{'max':>10}")
    for name, one in found["figures"].items():
        lines.append(
            f"{name:16}{one['target']:>10g}{one['measured']:>10.5g}{one['ratio']:>8.2f}"
            f"{'yes' if one['met'] else 'no':>5}{one['min']:>10.5g}{one['max']:>10.5g}"
        )
    if "p50_s" in found:
        lines.append(f"p50 of a device's whole push: {found['p50_s']} s")
    lines.append(", ".join(f"{name} {said}" for name, said in found["machine"].items()))
    lines.append(", ".join(f"{name} {said}" for name, said in found["versions"].items()))
    return "\n".join(lines)
