"""``nnutils doctor``: a healthy machine, every problem planted, exit codes, no traceback, no network."""

import os
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nnutils import __main__ as command
from nnutils import data, doctor

WATCH = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        with open(os.environ["WATCHED"], "a") as file:
            print(event, file=file)
sys.addaudithook(watch)
"""


@pytest.fixture(autouse=True)
def empty_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NNUTILS_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def quick(monkeypatch):
    """Importing every package in another process takes seconds; where that is not the point it always goes well."""
    monkeypatch.setattr(doctor, "_import_faults", lambda modules: {})


@pytest.fixture
def versions(monkeypatch):
    """Let packages seem to have another version, or, with None, to be missing."""
    pretended, real = {}, metadata.version

    def version(name):
        if name in pretended and pretended[name] is None:
            raise metadata.PackageNotFoundError(name)
        return pretended.get(name) or real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    return pretended


def found(what, status="problem"):
    """The findings about one thing with one status, as text on one line, and their advice."""
    return [(f.text, f.advice) for f in doctor.examine() if f.what == what and f.status == status]


def run(*arguments, **environment):
    here = os.pathsep.join(filter(None, [environment.pop("PYTHONPATH", ""), str(Path(__file__).parents[2])]))
    return subprocess.run(
        [sys.executable, "-m", "nnutils", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": here, **environment},
    )


def test_a_healthy_machine_gets_exit_code_0_and_nothing_touches_the_network(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    here = {"PYTHONPATH": str(tmp_path), "WATCHED": str(tmp_path / "seen")}
    done = run("doctor", **here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "All that the course needs is here" in done.stdout
    assert "\nproblem" not in done.stdout
    assert not (tmp_path / "seen").exists()
    assert not (tmp_path / "data").exists(), "looking at the data folder must not make it"
    # the same watch sees a process that does ask the network
    subprocess.run(
        [sys.executable, "-c", "import socket; socket.getaddrinfo('localhost', 80)"], env={**os.environ, **here}
    )
    assert (tmp_path / "seen").read_text() == "socket.getaddrinfo\n"


def test_every_declared_package_is_looked_at_and_the_lines_fit_80_columns(quick, capsys):
    assert doctor.report() == 0
    printed = capsys.readouterr().out
    declared = [line for line in metadata.requires("training-neural-networks") if "extra" not in line]
    assert len(declared) >= 9
    for line in declared:
        name = next(name for name in (line.split(mark)[0] for mark in (">", "=", "<")) if name != line)
        assert f"ok       {name} " in printed
    assert [line for line in printed.splitlines() if len(line) > 80 and len(line.split()) > 1 and "/" not in line] == []


def test_a_missing_package_is_a_problem_with_the_command_that_installs_it(quick, versions, capsys):
    versions["tqdm"] = None
    assert found("tqdm") == [("missing, nnutils needs >=4.66", 'python -m pip install "tqdm>=4.66"')]
    assert command.main(["doctor"]) == 1
    assert capsys.readouterr().out.endswith("\n1 problem (2 notes).\n")


def test_a_version_outside_the_range_is_a_problem(quick, versions):
    versions["numpy"] = "1.25.3"
    assert found("numpy") == [("1.25.3, nnutils needs >=1.26", 'python -m pip install "numpy>=1.26"')]


def test_what_needs_a_missing_package_is_not_checked_and_says_so(quick, versions):
    versions["torch"] = None
    for what in ("device", "data folder", "data", "figures"):
        assert ("not checked, since this needs torch", "") in found(what, "note")
    assert found("torch")[0][0].startswith("missing")


def test_a_torchvision_made_for_another_torch_is_a_problem(quick, versions):
    versions["torch"] = "2.12.0"
    (text, advice), *_ = found("torchvision")
    assert text.startswith("needs torch")
    assert text.endswith("but torch is 2.12.0")
    assert advice.endswith("pip install --upgrade torch torchvision")


def test_a_pair_that_does_not_import_is_a_problem_with_the_reason(tmp_path, monkeypatch):
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    faults = doctor._import_faults(["torchvision"])
    assert faults == {"torchvision": "RuntimeError: operator torchvision::nms does not exist"}
    monkeypatch.setattr(doctor, "_import_faults", lambda modules: faults)
    (text, advice), *_ = found("torchvision")
    assert "cannot be imported: RuntimeError: operator torchvision::nms does not exist" in text
    assert advice == "the two must fit each other: python -m pip install --force-reinstall torch torchvision"
    assert found("the pair", "ok") == []


def test_a_package_that_ends_python_is_named_and_the_others_are_still_imported(tmp_path, monkeypatch):
    for name, text in {
        "crash": "import os; os._exit(7)",
        "broken": "raise ImportError('no\\nlibrary')",
        "loud": "print('hello')",
        "leaves": "raise SystemExit(0)",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert doctor._import_faults(["loud", "crash", "json", "broken", "leaves"]) == {
        "crash": "importing it ended Python (exit code 7)",
        "broken": "ImportError: no library",
        "leaves": "SystemExit: 0",
    }


def test_a_package_that_cannot_be_imported_is_a_problem(monkeypatch):
    monkeypatch.setattr(doctor, "_import_faults", lambda modules: {"sklearn": "ImportError: no library"})
    (text, advice), *_ = found("scikit-learn")
    assert text.endswith("cannot be imported: ImportError: no library")
    assert advice.startswith("python -m pip install --force-reinstall")
    assert ("not checked, since this needs sklearn", "") in found("data", "note")


def test_without_packaging_versions_cannot_be_compared(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    assert found("packaging") == [("missing, versions cannot be compared", "python -m pip install packaging")]


def test_a_package_used_without_being_installed_is_a_note(monkeypatch):
    monkeypatch.setattr(doctor, "_DISTRIBUTION", "no-such-distribution")
    (text, advice), *_ = found("nnutils", "note")
    assert "not installed" in text
    assert advice == "in that folder: python -m pip install ."


def test_a_python_outside_the_range_is_a_problem(quick, monkeypatch):
    monkeypatch.setattr(doctor.platform, "python_version", lambda: "3.9.2")
    assert found("Python") == [
        ("3.9.2 is outside the range, nnutils needs >=3.11", "make an environment of such a Python")
    ]


@pytest.mark.parametrize(("version", "says"), [(None, "missing, nnutils needs"), ("2.0", "2.0, nnutils needs")])
def test_tensorboard_is_optional(quick, versions, version, says):
    versions["tensorboard"] = version
    ((text, advice),) = found("tensorboard", "note")
    assert text.startswith(says)
    assert text.endswith("(optional, only nnutils.tensorboard uses it)")
    assert advice.startswith('python -m pip install "tensorboard>')
    assert doctor.report() == 0


def test_an_unknown_device_is_a_problem_that_says_which_are_known(quick, monkeypatch):
    monkeypatch.setenv("NNUTILS_DEVICE", "gpu")
    ((text, advice),) = found("device")
    assert text == "got 'gpu', expected one of cuda, mps, cpu"
    assert advice == "unset NNUTILS_DEVICE to choose automatically"
    assert doctor.report() == 1


def test_an_absent_device_is_a_problem(quick, monkeypatch):
    monkeypatch.setenv("NNUTILS_DEVICE", "cuda:99")
    assert "this machine offers only" in found("device")[0][0]


@pytest.mark.parametrize("fault", ["raises", "wrong"])
def test_a_device_that_cannot_compute_is_a_problem(quick, monkeypatch, fault):
    def ones(*size, **options):
        if fault == "raises":
            raise RuntimeError("no kernel image is available\nfor this device")
        return torch.full(size, 2.0, requires_grad=True)

    monkeypatch.setattr(torch, "ones", ones)
    ((text, advice),) = found("device")
    assert text.endswith("no kernel image is available" if fault == "raises" else "came out wrong")
    assert advice == "set NNUTILS_DEVICE=cpu"


def test_a_gpu_that_pytorch_cannot_use_is_a_note(quick, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert "can use no GPU" in found("device", "note")[0][0]


def test_the_device_says_who_chose_it(quick, monkeypatch):
    monkeypatch.setenv("NNUTILS_DEVICE", "cpu")
    assert found("device", "ok") == [("cpu, as NNUTILS_DEVICE=cpu says", "")]
    monkeypatch.delenv("NNUTILS_DEVICE")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert "NNUTILS_DEVICE would choose another" in found("device", "ok")[0][0]
    assert "OMP_NUM_THREADS is not set" in found("threads", "ok")[0][0]


def test_a_data_folder_that_cannot_be_written_is_a_problem(quick, empty_data_folder):
    empty_data_folder.write_text("a file in the way")
    ((text, advice),) = found("data folder")
    assert text.endswith("cannot be written: Not a directory")
    assert advice == "make it writable, or set NNUTILS_DATA to another folder"


def test_a_folder_that_holds_everything_need_not_be_writable(quick, monkeypatch):
    monkeypatch.setattr(doctor, "_write_fault", lambda place: "Read-only file system")
    monkeypatch.setattr(doctor, "_images", lambda: iter(()))
    monkeypatch.setattr(data, "available", lambda name: True)
    assert "read-only, and nothing has to be written" in found("data folder", "ok")[0][0]


def test_missing_image_files_are_notes_and_nothing_is_fetched(quick, monkeypatch):
    real = data.load
    monkeypatch.setattr(data, "load", lambda name: pytest.fail("fetched") if "mnist" in name else real(name))
    for name in ("fashion_mnist", "mnist"):
        ((text, _),) = found(name, "note")
        assert "the first use would download it" in text


def test_a_damaged_file_is_named_with_what_to_do(quick, empty_data_folder):
    import torchvision.datasets

    raw = empty_data_folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, _ in torchvision.datasets.MNIST.resources:
        (raw / name).write_bytes(b"not what it was")
    ((text, advice),) = found("mnist")
    assert text == f"{raw / 'train-images-idx3-ubyte.gz'} is damaged (its checksum is wrong)"
    assert advice == "delete it, and it will be downloaded again"


def test_sound_files_are_read(quick, monkeypatch):
    split = SimpleNamespace(y_train=[0] * 3, y_val=[0] * 2, y_test=[0])
    real, read = data.load, []
    monkeypatch.setattr(data, "available", lambda name: True)
    monkeypatch.setattr(data, "load", lambda name: real(name) if "mnist" not in name else read.append(name) or split)
    assert found("mnist", "ok") == [("6 images, read, checksums right", "")]
    assert set(read) == {"fashion_mnist", "mnist"}


def test_jupyterlab_is_needed_only_for_notebooks(quick, versions):
    versions["jupyterlab"] = None
    ((_, advice),) = found("JupyterLab", "note")
    assert advice == "python -m pip install jupyterlab"


def test_a_jupyterlab_without_its_extensions_for_widgets_is_a_note(quick, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.sys, "prefix", str(tmp_path))
    ((text, _),) = found("JupyterLab", "note")
    assert "anywidget not in" in text
    assert "figures may stay empty" in text


@pytest.mark.parametrize("check", ["_packages", "_device", "_folder", "_made", "_images", "_figures", "_pair"])
def test_an_unforeseen_error_becomes_a_finding(quick, monkeypatch, check):
    def stop(*arguments):
        raise KeyError("planted")
        yield

    monkeypatch.setattr(doctor, check, stop)
    problems = [(finding.text, finding.advice) for finding in doctor.examine() if finding.status == "problem"]
    assert problems == [("the check stopped at KeyError: 'planted'", "report it, with all of these lines")]


def test_long_advice_is_wrapped_under_its_column_and_long_words_are_kept():
    path = "/a/folder/whose/name/is/longer/than/what/is/left/of/a/line/of/eighty/columns"
    lines = str(doctor.Finding("problem", "mnist", f"{path} is damaged", "delete it, " * 9)).splitlines()
    assert lines[0].split() == ["problem", "mnist", path] or path in lines[1]
    assert all(line.startswith(" " * 23) for line in lines[1:])
    assert max(len(line) for line in lines if path not in line) <= 80


@pytest.mark.parametrize("arguments", [[], ["docter"], ["doctor", "now"]])
def test_wrong_usage_gets_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)
    assert stop.value.code == 2
    assert "usage: nnutils" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"nnutils {metadata.version('training-neural-networks')}\n"


def test_an_interrupt_ends_without_traceback(monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(doctor, "report", interrupt)
    assert command.main(["doctor"]) == 130


def test_a_closed_pipe_ends_without_traceback(tmp_path):
    code = textwrap.dedent("""
        import sys
        from nnutils import __main__ as command, doctor
        doctor.examine = lambda: (doctor.Finding("ok", "line", "x" * 70) for _ in range(10_000))
        sys.exit(command.main(["doctor"]))
    """)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1
