"""A feedback page says each mistake once, however many checks it breaks."""

from autograder.feedback import Part, Question

HIDDEN = [
    "equals torch: f: wrong value (largest difference 0.25); the mean is missing; divide by N",
    "float32: f in float32: wrong value (largest difference 0.5); the mean is missing; divide by N",
    "keeps its input: f: the input was changed in place",
    "one row: f of one row: wrong value (largest difference 1); the mean is missing; divide by N",
    "and 3 more properties",
]


def test_checks_that_name_the_same_mistake_are_told_together():
    assert Part("Hidden checks", messages=HIDDEN).grouped == [
        HIDDEN[0],
        "The same in: float32, one row.",
        HIDDEN[2],
        "and 3 more properties",
    ]


def test_the_summary_names_each_mistake_once():
    visible = Part("Tests that you saw", messages=["f: wrong value; the mean is missing; divide by N"])
    question = Question("f", [Part("Your answer"), visible, Part("Hidden checks", messages=HIDDEN)])
    assert question.messages == ["f: wrong value; the mean is missing; divide by N", HIDDEN[2]]


def test_an_answer_that_raises_explains_the_rest():
    question = Question("f", [Part("Your answer", messages=["NameError: x"]), Part("Hidden", messages=HIDDEN)])
    assert question.messages == ["NameError: x"]


def test_many_different_messages_are_cut_to_three_those_that_name_a_mistake_first():
    told = ["a: off", "b: off by 1; h", "c: wrong", "d: wrong too", "e: k; l"]
    assert Question("f", [Part("Your answer"), Part("Hidden", messages=told)]).messages == [
        *("b: off by 1; h", "e: k; l", "a: off", "and 2 more, below")
    ]
