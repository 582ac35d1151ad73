"""The border: two transports, one behaviour; nothing shared, nothing hostile comes through."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from autograder.grade import question_results
from autograder.student import InProcess, StudentError, Subprocess

CODE = """
import os, sys
import numpy as np
import torch

kept = []

def keep_and_change(x, y):
    kept.append(x)
    x[0] = 100
    y.append("more")
    return x

def kept_value(): return float(kept[-1][0])
def change_kept(): kept[-1][0] = -1
def echo(*args, **kwargs): return [list(args), kwargs]
def fails(): raise ValueError("the first line\\nthe second line")
def leaves(): sys.exit(3)
def wants_input(): return input("?")
def returns_function(): return fails
def leaves_a_function(x): x.append(fails)
def prints():
    print("x" * 100_000); print("y", file=sys.stderr); os.write(1, b"raw"); os.write(2, b"raw"); return 1
def draws(): return [float(torch.rand(())), float(np.random.rand())]

class Liar(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __array_function__(self, *args): return True

class LiarTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return True

class LiarFloat(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __rsub__ = __abs__ = __lt__ = __sub__

def lies(kind):
    return {"array": lambda: np.zeros(3).view(Liar), "tensor": lambda: torch.zeros(3).as_subclass(LiarTensor),
            "float": lambda: LiarFloat(1.0)}[kind]()

from nnutils.checks import NotDone
def stub(): raise NotDone()
"""


@pytest.fixture(scope="module", params=["in this process", "in another process"])
def student(request):
    make = InProcess.from_source if request.param == "in this process" else Subprocess
    with make(CODE) as student:
        yield student


@pytest.fixture(autouse=True)
def _begin(request):
    if "student" in request.fixturenames:
        request.getfixturevalue("student").begin("q")


def test_a_call_brings_plain_data_both_ways(student):
    args = (1, 2.5, "a", b"b", None, (1, [2]), np.arange(3, dtype=np.int16), torch.ones(2, 2))
    (back, kwargs) = student.call("echo", *args, key={"a": float("inf")})
    assert back[:6] == list(args[:6])
    assert back[6].dtype == np.int16
    assert torch.equal(back[7], args[7])
    assert kwargs == {"key": {"a": float("inf")}}


def test_nothing_is_shared_with_the_caller(student):
    x, y = np.zeros(3), ["some"]
    result = student.call("keep_and_change", x, y)
    assert x[0] == 0
    assert y == ["some"]
    assert student.arguments[0][0] == 100
    assert student.arguments[1] == ["some", "more"]
    assert result[0] == 100
    result[0] = 5
    student.arguments[0][0] = 6
    assert student.call("kept_value") == 100
    student.call("change_kept")
    assert result[0] == 5


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("missing", "missing", "missing is not defined in your notebook"),
        ("fails", "raised", "fails raised ValueError: the first line"),
        ("leaves", "raised", "leaves raised SystemExit: 3"),
        ("returns_function", "value", "returns_function returned a function, expected plain data"),
        ("stub", "NotDone", "Not done yet: stub."),
    ],
)
def test_an_error_is_one_sentence(student, name, kind, message):
    with pytest.raises(StudentError) as caught:
        student.call(name)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert caught.value.kind == kind


def test_the_message_quotes_the_line_of_the_students_code(student):
    with pytest.raises(StudentError, match=r"fails raised ValueError: the first line \(at `def fails\(\): raise"):
        student.call("fails")


def test_an_argument_that_is_no_longer_plain_is_an_error(student):
    with pytest.raises(StudentError, match="left a list that holds a function in its arguments"):
        student.call("leaves_a_function", [])


def test_printing_costs_nothing_and_shows_nothing(student, capsys):
    assert student.call("prints") == 1
    shown = capsys.readouterr()
    assert "x" not in shown.out + shown.err


@pytest.mark.parametrize("kind", ["array", "tensor", "float"])
def test_a_lying_subclass_arrives_as_what_it_holds(student, kind):
    value = student.call("lies", kind)
    assert type(value) in (np.ndarray, torch.Tensor, float)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(np.asarray(value), np.full(3, 7.0))
    assert not bool(np.all(np.asarray(value == 7.0)))


def test_global_generators_start_the_same_in_both_transports(student):
    student.seed(5)
    first, second = student.call("draws"), student.call("draws")
    torch.manual_seed(5)
    np.random.seed(5)
    assert first == second == [float(torch.rand(())), float(np.random.rand())]


def test_arguments_that_are_not_plain_are_the_testers_mistake(student):
    with pytest.raises(ValueError, match="a function"):
        student.call("echo", lambda: 0)


def test_a_probe_runs_beside_the_students_names(student, lab):
    student.begin("descent", lab=lab)
    with pytest.raises(TypeError, match="expected a function of the lab's probes"):
        student.probe(len)


CRASHES = """
import ctypes, os, time
fine = "fine"
def good(): return fine
def crash(): os._exit(3)
def segfault(): ctypes.string_at(0)
def hang():
    while True:
        try: time.sleep(1000)
        except BaseException: pass
def forge():
    for fd in range(3, 64):
        try: os.write(fd, (5).to_bytes(8, "big") + b"hello")
        except OSError: pass
    return 1
"""


def test_a_process_that_ends_costs_its_question_and_the_next_meets_a_fresh_one():
    with Subprocess(CRASHES, timeout=5) as student:
        for name, kind in (("crash", "crashed"), ("segfault", "crashed"), ("hang", "timeout")):
            student.begin(name)
            assert student.call("good") == "fine"
            with pytest.raises(StudentError) as caught:
                student.call(name)
            assert caught.value.kind == kind
            with pytest.raises(StudentError, match=str(caught.value)):
                student.call("good")
            assert student._running is None  # the question is over: nothing was started to answer this call
        student.begin("forge")
        with pytest.raises(StudentError):
            student.call("forge")


def test_a_cell_that_ends_the_process_or_raises_costs_that_cell_only_and_magics_work():
    cells = [
        "%matplotlib inline\na = 1",
        "b = 2; import os; os._exit(1)",
        "c = 3\n1 / 0\nd = 4",
        "def names(): return [name for name in 'abcd' if name in globals()]",
    ]
    with Subprocess(cells) as student:
        student.begin("q")
        assert student.call("names") == ["a", "c"]


def test_the_second_process_ends_with_its_parent():
    script = (
        "import os, sys\nfrom autograder.student import Subprocess\n"
        "s = Subprocess('import os\\ndef pid(): return os.getpid()')\ns.begin('q')\n"
        "print(s.call('pid'), flush=True)\nos._exit(1)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    pid = int(run.stdout)
    deadline = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")  # a zombie waits for somebody to ask, it does not run
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


GOOD = """
import torch
def half(x): return x / 2
class Descent:
    def __init__(self, params, lr): self.params, self.lr = list(params), lr
    def step(self):
        with torch.no_grad():
            for p in self.params: p -= self.lr * p.grad
"""
VERDICTS = {
    "right": (GOOD, {}),
    "in place, wrong sign": (
        GOOD.replace("return x / 2", "x /= 2; return x").replace("p -=", "p +="),
        {"half": ["the input was changed in place"], "descent": ["Tensor-likes are not close!"]},
    ),
    "missing": ("x = 1", {"half": ["half is not defined"], "descent": ["Descent is not defined"]}),
    "refused": (
        "import torch\ndef half(x): return x / 3\nclass Descent(torch.optim.SGD): pass",
        {
            "half": ["wrong value"],
            "descent": ["descent: torch.optim is refused in this question; write the update yourself"],
        },
    ),
    "refused at run time": (
        "import torch\ndef half(x): pass\ndef Descent(p, lr): return vars(torch)['opt' + 'im'].SGD(p, lr=lr)",
        {
            "half": ["the result has an unexpected form"],
            "descent": ["descent: torch.optim.SGD is refused in this question; write the update yourself"],
        },
    ),
}


@pytest.mark.parametrize("case", VERDICTS)
def test_both_transports_give_the_same_verdict(case, lab):
    source, expected = VERDICTS[case]
    verdicts = []
    for make in (InProcess.from_source, Subprocess):
        with make(source) as student:
            verdicts.append([question_results(lab, question, student) for question in ("half", "descent")])
    assert verdicts[0] == verdicts[1]
    for question, results in zip(("half", "descent"), verdicts[0], strict=True):
        failed = [result.message for result in results if not result.passed]
        wanted = expected.get(question, [])
        assert bool(failed) == bool(wanted)
        for sentence in wanted:
            assert any(message.startswith(sentence) for message in failed), failed
