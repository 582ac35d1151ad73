"""nbgrader's configuration: sources in ``solutions/``, releases in ``labs/``, all grading state in ``COURSE_GRADING``.

Run nbgrader in the folder of this file. The programs of ``autograder`` read the same file, so that
``nbgrader autograde LAB`` and ``python -m autograder grade LAB`` give the same marks.
"""

import os
import secrets
from pathlib import Path

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from autograder.execute import Execute, JudgeCells
from autograder.feedback import FeedbackExporter
from autograder.repair import STUB, RestoreCells

root = Path(__file__).resolve().parent
grading = Path(os.environ.get("COURSE_GRADING", root / "grading")).resolve()
grading.mkdir(parents=True, exist_ok=True)

# What the kernels see. One thread: two are 2 to 50 times slower on a busy machine. A warning must not cost marks.
os.environ["COURSE_GRADING"] = str(grading)
os.environ.setdefault("COURSE_SOLUTIONS", str(root / "solutions"))
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
os.environ.update(NNUTILS_DEVICE="cpu", PYTHONWARNINGS="ignore")

c = get_config()  # noqa: F821 (traitlets defines it)

c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "training-neural-networks"
c.CourseDirectory.source_directory = os.environ["COURSE_SOLUTIONS"]
c.CourseDirectory.release_directory = "labs"
c.CourseDirectory.submitted_directory = str(grading / "submitted")
c.CourseDirectory.autograded_directory = str(grading / "autograded")
c.CourseDirectory.feedback_directory = str(grading / "feedback")
c.CourseDirectory.db_url = f"sqlite:///{grading / 'gradebook.db'}?timeout=60"
# The last three would be copied into labs/ and into every autograded folder. Setting the list replaces nbgrader's own.
c.CourseDirectory.ignore = [
    ".*",
    ".ipynb_checkpoints",
    "*.pyc",
    "__pycache__",
    "feedback",
    "hidden_tests.py",
    "probes.py",
    "answers",
]

c.ClearSolutions.code_stub = {"python": STUB}
c.ClearSolutions.text_stub = "*Write your answer here.*"

c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    RestoreCells,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
c.Autograde.autograde_preprocessors = [
    Execute,
    JudgeCells,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.Execute.timeout = 60
c.Execute.total_timeout = 300
c.Execute.shutdown_kernel = "immediate"
c.Execute.kernel_name = "python3"
# Only RestoreCells gives this tag, to experiment cells. nbgrader's own tag could be put on a test, which then passes.
c.Execute.skip_cells_with_tag = f"skip-{secrets.token_hex(8)}"
c.Execute.error_on_timeout = {
    "ename": "Timeout",
    "evalue": "This cell took too long and was stopped.",
    "traceback": ["This cell took too long and was stopped."],
}
c.LimitOutput.max_lines = 200
c.LimitOutput.max_traceback = 30

c.GenerateFeedback.preprocessors = []
c.GenerateFeedback.exporter_class = FeedbackExporter
