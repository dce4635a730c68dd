"""`dev bench --compare` fails on what got worse past its own noise, and on nothing else."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tools import bench
from tools.bench import Ratio, regressions


def test_what_is_within_the_noise_of_either_run_is_no_regression() -> None:
    before = {"quiet": Ratio(1.0, 0.01), "noisy": Ratio(1.0, 0.2), "gone": Ratio(1.0, 0.0)}
    assert regressions(before, {"quiet": Ratio(1.14, 0.01), "noisy": Ratio(1.5, 0.0), "new": Ratio(9.0, 0.0)}) == []
    assert regressions(before, {"quiet": Ratio(1.16, 0.01), "noisy": Ratio(1.7, 0.0)}) == [
        "quiet: 1.00 before, 1.16 now, 1.15 is within the noise",
        "noisy: 1.00 before, 1.70 now, 1.60 is within the noise",
    ]
    assert regressions(before, {"quiet": Ratio(0.5, 0.0)}) == [], "better is never worse"


def test_to_compare_without_names_runs_every_measurement_that_keeps_ratios_and_no_other() -> None:
    folder = Path(bench.__file__).parents[1] / "bench"
    sources = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("[!_]*.py")}
    # `show` keeps the rows that are Endstop's.
    keeping = {
        name for name, source in sources.items() if "keep(" in source or ("show(" in source and '"endstop' in source)
    }
    assert sorted(bench.COMPARED) == sorted(keeping)


def test_the_noise_is_what_the_rounds_of_one_run_differ_by_and_one_bad_round_does_not_count() -> None:
    assert Ratio.of_rounds([2.0, 2.0, 2.0, 9.0]) == Ratio(2.0, 0.0)
    assert Ratio.of_rounds([1.9, 2.0, 2.1]) == Ratio(2.0, 0.0741)


def test_a_run_is_kept_for_its_version_and_a_worse_one_fails_and_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = tmp_path / "bench"
    scripts.mkdir()
    (tmp_path / "VERSION").write_text("0.2.0\n")
    (scripts / "one.py").write_text(
        "import json, os, pathlib\n"
        "ratio = float(pathlib.Path(__file__).with_name('ratio').read_text())\n"
        "with open(os.environ['ENDSTOP_BENCH_RESULTS'], 'a') as file:\n"
        "    file.write(json.dumps({'case': 'one · call', 'ratios': [ratio] * 3}) + '\\n')\n"
    )
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "RESULTS", scripts / "results")
    monkeypatch.setattr(bench, "PYTHON", Path(sys.executable))
    codes = []
    for version, ratio in (("0.2.0", "1.0"), ("0.2.0", "1.1"), ("0.2.0", "1.3"), ("0.10.0", "1.3"), ("0.10.0", "0.9")):
        (tmp_path / "VERSION").write_text(version)
        (scripts / "ratio").write_text(ratio)
        codes.append(bench.bench(["one"], compare=True))
    assert codes == [0, 0, 1, 1, 0]
    kept = {path.stem: json.loads(path.read_text()) for path in (scripts / "results").glob("*.json")}
    assert kept == {
        "0.2.0": {"one · call": {"ratio": 1.0, "noise": 0.0}},
        "0.10.0": {"one · call": {"ratio": 0.9, "noise": 0.0}},
    }
