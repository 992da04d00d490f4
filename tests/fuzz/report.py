"""The table of a run, as Markdown, and one line for each failure with the command that shows it again."""

from collections import Counter
from collections.abc import Iterable

from .cases import FAILURES
from .forked import Result

COLUMNS = ("crashes", "tracebacks", "hangs", "wrong", "over memory")


class Tally:
    """Results as they come in: counts and extremes a target, failures by their cause."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.peak: dict[str, float] = {}
        self.slowest: dict[str, float] = {}
        self.causes: dict[tuple[str, str, str], list[Result]] = {}

    def add(self, result: Result) -> None:
        target, verdict = result.target, result.verdict
        self.counts.setdefault(target, Counter())[verdict.outcome] += 1
        self.peak[target] = max(self.peak.get(target, 0), result.peak)
        self.slowest[target] = max(self.slowest.get(target, 0), result.seconds)
        if verdict.outcome in FAILURES:
            self.causes.setdefault((target, verdict.outcome, verdict.where), []).append(result)

    @property
    def failures(self) -> int:
        return sum(map(len, self.causes.values()))

    def table(self) -> str:
        heads = ("target", "cases", "refused", "accepted", *COLUMNS, "peak MiB", "slowest s")
        lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        for target, counts in self.counts.items():
            lines.append(row(target, counts, self.peak[target], self.slowest[target]))
        whole: Counter[str] = sum(self.counts.values(), Counter())
        if len(self.counts) > 1:
            lines.append(row("all", whole, max(self.peak.values()), max(self.slowest.values())))
        return "\n".join(lines)

    def list_causes(self, most: int = 3) -> Iterable[str]:
        """The commonest causes first, with the seeds of a few cases."""
        for (target, outcome, where), results in sorted(self.causes.items(), key=lambda item: -len(item[1])):
            seeds = ", ".join(str(r.seed) for r in results[:most]) + (", …" if len(results) > most else "")
            detail = results[0].verdict.detail
            about = where + (f" ({detail[:160]})" if detail not in ("", where) else "")
            yield f"{outcome}: {about}: {len(results)} case(s), seeds {seeds}"
            yield f"    python -m tests.fuzz --target {target} --seed {results[0].seed} --count 1 --debug"


def row(target: str, counts: "Counter[str]", peak: float, slowest: float) -> str:
    cells = [target, counts.total(), counts["refused"], counts["accepted"], *(counts[f] for f in FAILURES)]
    return "| " + " | ".join(map(str, cells)) + f" | {peak:.0f} | {slowest:.1f} |"
