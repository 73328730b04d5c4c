"""The verdicts of a replay with wrong clocks, as figures to read and to keep, and why they do not hold.

Responsible for the names of the figures. Refuses to know how they were come by.

Example: `Verdicts(…, contradictions=1, …).faults` is `["1 verdicts contradict the file"]`.
"""

import msgspec

NAMED = 20  # contradictions that are named; all are counted


class Judged(msgspec.Struct):
    """How often one clock was found to be what. `misread`: how often somebody who believes the phones' wall clocks
    would find the opposite of the file."""

    met: int = 0
    missed: int = 0
    undetermined: int = 0
    unproven: int = 0
    not_delivered: int = 0
    other: int = 0
    misread: int = 0


class Cause(msgspec.Struct, frozen=True):
    """In how many undetermined verdicts it stands, and in what share of them; they may have several."""

    n: int
    share: float


class Proved(msgspec.Struct, frozen=True):
    """Proved times of steps and orders. `outside`: those that do not hold the recorded instant, by grade."""

    n: int
    grades: dict[str, int]
    outside: dict[str, int]


class Phones(msgspec.Struct, frozen=True):
    """What the phones of a replay were like. An error is the greatest of one phone, at its start or a step."""

    kinds: dict[str, int]
    median_error_s: float
    greatest_error_s: float
    steps: int
    drift_ppm: tuple[int, int]
    slept_h: float


class Verdicts(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts of a replay beside the file."""

    met: int
    missed: int
    undetermined: int
    contradictions: int
    named: list[str]
    missing: list[str]
    causes: dict[str, Cause]
    grades: dict[str, int]
    misread: int
    clocks: dict[str, Judged]
    proved: Proved
    phones: Phones

    @property
    def faults(self) -> list[str]:
        """Why it does not hold."""
        found = []
        if self.contradictions:
            found.append(f"{self.contradictions} verdicts contradict the file")
        if self.missing:
            found.append(f"{len(self.missing)} clocks were not judged")
        outside = sum(n for grade, n in self.proved.outside.items() if grade in "01")
        if outside:
            found.append(f"{outside} proved times do not hold the recorded instant")
        return found

    def rows(self) -> list[tuple[str, str]]:
        """The lines of a table."""
        kinds = ", ".join(f"{n} {kind}" for kind, n in self.phones.kinds.items())
        errors = f"{self.phones.median_error_s} s (median) to {self.phones.greatest_error_s} s"
        faults = f"off by {errors}, {self.phones.steps} steps, {self.phones.slept_h} h asleep"
        found = f"{self.met} met, {self.missed} missed, {self.undetermined} undetermined"
        wrong = f"{self.contradictions} contradict the file, {self.misread} would by wall clock"
        rows = [("phones", f"{kinds}; {faults}"), ("verdicts", f"{found}; {wrong}")]
        for name, one in self.clocks.items():
            others = (
                f"{one.unproven} unproven, {one.not_delivered} not delivered, {one.other} other"
            )
            said = f"{one.met} met, {one.missed} missed, {one.undetermined} undetermined, {others}"
            rows.append((f"  {name}", f"{said}; {one.misread} misread by wall clock"))
        for name, cause in self.causes.items():
            rows.append(("  cause", f"{name} {cause.n} ({cause.share:.1%})"))
        by_grade = ", ".join(f"{n} of {grade}" for grade, n in self.grades.items())
        proved = ", ".join(f"{n} of {grade}" for grade, n in self.proved.grades.items())
        outside = ", ".join(f"{n} of {grade}" for grade, n in self.proved.outside.items())
        rows.append(("  grades", f"met and missed rest on: {by_grade or 'nothing'}"))
        rows.append(("  times", f"{proved}; outside the proved: {outside or 'none'}"))
        rows += [("  wrong", one) for one in (*self.named, *self.missing[:NAMED])]
        return rows
