"""`dev bench` runs the measurements. With `--compare` it keeps ratios, and fails where one got worse past the noise."""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.environment import PYTHON
from tools.steps import ROOT, StepFailed, exit_code_of, say

RESULTS = ROOT / "bench" / "results"
COMPARED = ("worker_call", "host_call", "cached_call", "crewai_call", "crewai_first_call")
"""The measurements that keep ratios: what `--compare` runs if no name is given."""
KEPT_BY = "ENDSTOP_BENCH_RESULTS"
"""Names the file to which a measurement appends its ratios, one line of JSON a case."""
_NOISES = 3.0
_LEAST_NOISE = 0.05


@dataclass(frozen=True)
class Ratio:
    """Of our time to the peer's in one case. `noise` is the part of it by which the rounds of one run differ."""

    ratio: float
    noise: float

    @classmethod
    def of_rounds(cls, ratios: Sequence[float]) -> Ratio:
        """The median, and the median distance from it (1.4826 of it is the standard deviation of a normal spread)."""
        middle = statistics.median(ratios)
        distance = statistics.median(abs(each - middle) for each in ratios)
        return cls(round(middle, 4), round(1.4826 * distance / middle, 4))


Results = Mapping[str, Ratio]
"""By case: the script, the title of its table and the row."""


def bench(names: Sequence[str], *, compare: bool = False) -> int:
    """Runs the scripts of these names; if there are none all, or to compare those that keep ratios.

    Returns the first exit code that is not 0.
    """
    scripts = {path.stem: path for path in sorted((ROOT / "bench").glob("*.py")) if not path.name.startswith("_")}
    unknown = [name for name in names if name not in scripts]
    if unknown or not scripts:
        known = ", ".join(scripts) or "none"
        raise StepFailed(f"looking for {', '.join(unknown) or 'scripts'} in bench/", f"There is: {known}.")
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "ratios")
        for name in names or (COMPARED if compare else scripts):
            say(f"bench/{name}.py")
            code = exit_code_of([PYTHON, scripts[name]], env={**os.environ, KEPT_BY: str(file)} if compare else None)
            worst = worst or code
        if compare and worst == 0:
            return _compare(_read_ratios(file), (ROOT / "VERSION").read_text(encoding="utf-8").strip())
    return worst


def regressions(before: Results, now: Results) -> list[str]:
    """One line for each case that got worse by more than three times the noise of the two runs."""
    lines = []
    for case, then in before.items():
        measured = now.get(case)
        if measured is None:
            continue
        allowed = then.ratio * (1 + _NOISES * max(then.noise, measured.noise, _LEAST_NOISE))
        if measured.ratio > allowed:
            lines.append(
                f"{case}: {then.ratio:.2f} before, {measured.ratio:.2f} now, {allowed:.2f} is within the noise"
            )
    return lines


def _compare(now: Results, version: str) -> int:
    kept = {path.stem: _read_kept(path) for path in RESULTS.glob("*.json")}
    own = kept.get(version, {})
    earlier = [name for name in kept if _numbers(name) < _numbers(version)]
    before = {**(kept[max(earlier, key=_numbers)] if earlier else {}), **own}
    found = regressions(before, now)
    for line in found:
        say(f"worse: {line}")
    say(f"{len(now)} ratios, {sum(case in before for case in now)} compared, {len(found)} worse")
    if found:
        return 1
    # What was kept for a version stays, or each run could be a little worse than the one before.
    complete = {**now, **own}
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({case: asdict(ratio) for case, ratio in sorted(complete.items())}, indent=2, ensure_ascii=False)
    (RESULTS / f"{version}.json").write_text(f"{text}\n", encoding="utf-8")
    return 0


def _read_ratios(file: Path) -> dict[str, Ratio]:
    if not file.is_file():
        return {}
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {line["case"]: Ratio.of_rounds(line["ratios"]) for line in lines}


def _read_kept(path: Path) -> dict[str, Ratio]:
    return {case: Ratio(**ratio) for case, ratio in json.loads(path.read_text(encoding="utf-8")).items()}


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
