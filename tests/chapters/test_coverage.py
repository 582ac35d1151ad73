"""Every topic and every erratum of the finished chapters is taught at a place that one can point to."""

import copy
from pathlib import Path

import pytest
import yaml

from tests.chapters.gates import ROOT, coverage_faults, markdown

COVERAGE = yaml.safe_load((Path(__file__).parent / "coverage.yml").read_text(encoding="utf-8"))
TOPICS = [*range(72, 195), *range(284, 328)]
ERRATA = [3, 4, 6, 7, 8, 12, *range(22, 78), *range(124, 147), 167]
WANTED = [f"T{n}" for n in TOPICS] + [f"E{n}" for n in ERRATA]


@pytest.fixture(scope="module")
def texts():
    return {f"chapters/{path.name}": markdown(path) for path in sorted((ROOT / "chapters").glob("*.ipynb"))}


def test_every_topic_has_its_place(texts):
    assert list(coverage_faults(COVERAGE, WANTED, texts)) == []


@pytest.mark.parametrize("topic", ["T72", "T111", "T132", "E22", "E39", "T156", "E77"])
def test_a_missing_topic_is_found(texts, topic):
    less = {key: place for key, place in COVERAGE.items() if key != topic}
    assert list(coverage_faults(less, WANTED, texts)) == [f"{topic}: not covered"]


def test_a_label_that_is_gone_is_found(texts):
    name, label = COVERAGE["T183"]["notebook"], COVERAGE["T183"]["label"]
    without = texts | {name: texts[name].replace(f"({label})", "")}
    assert f"T183: {name} has no label {label}" in list(coverage_faults(COVERAGE, WANTED, without))


def test_a_notebook_that_is_gone_is_found(texts):
    wrong = copy.deepcopy(COVERAGE)
    wrong["E58"]["notebook"] = "chapters/99_nowhere.ipynb"
    assert list(coverage_faults(wrong, WANTED, texts)) == ["E58: there is no notebook chapters/99_nowhere.ipynb"]
