"""``make mutants``: change ``nnutils.optim`` and ``nnutils.init`` in one place at a time and see their tests fail.

Cosmic Ray makes the changes. Each is tried in a process forked from one that has imported PyTorch, which takes a second
where a new one takes six. A change that no test notices is a survivor; ``survivors.yml`` beside the tests says of each
why it may. One that it does not know, or that is there no more, makes the run fail.
"""

import ast
import difflib
import importlib
import os
import re
import signal
import sys
import time
import types
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("optim", "init")
SURVIVORS = ROOT / "tests/nnutils/survivors.yml"
SECONDS = 120
# Shifts and the like are TypeErrors for tensors; | stands in types only. The slow tests add no power here.
NOISE = re.compile(r"_(RShift|LShift|FloorDiv|Mod|BitXor|BitOr|BitAnd|Invert|UAdd|Not)$|Operator_Bit|VariableInserter")
SLOW = "not machine_code and not compiler and not compiled and not he_keeps and not 2_percent"


def mutants(module: str) -> Iterator[tuple[str, str]]:
    """Yield every change of a module as (what changed, the changed source); what cannot change a result is left out."""
    source = (ROOT / f"nnutils/{module}.py").read_text(encoding="utf-8")
    tree = get_ast(source)
    for name in operator_names():
        if NOISE.search(name) or get_operator(name).arguments():
            continue
        operator = get_operator(name)()
        places = [node for node in ast_nodes(tree) for _ in operator.mutation_positions(node)]
        for occurrence, node in enumerate(places):
            changed = mutate_code(source, operator, occurrence)
            if changed is None or _same_code(source, changed):
                continue
            lines = difflib.unified_diff(source.splitlines(), changed.splitlines(), lineterm="", n=0)
            old, new = (" ".join(text.split()) for text in _sides(lines))
            yield f"{module}.{ASTQuery(node).get_definition_name() or '-'}: {old} => {new}", changed


def _same_code(source: str, changed: str) -> bool:
    try:
        return ast.dump(ast.parse(source)) == ast.dump(ast.parse(changed))
    except SyntaxError:
        return True


def _sides(diff: Iterator[str]) -> tuple[str, str]:
    lines = [line for line in diff if not line.startswith(("---", "+++", "@@"))]
    return tuple(" ".join(line[1:] for line in lines if line[0] == side) for side in "-+")  # type: ignore[return-value]


def survives(module: str, source: str) -> bool:
    """Say whether all tests of the module pass on this source, in a process of their own."""
    child = os.fork()
    if child == 0:
        os._exit(_test(module, source))
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _test(module: str, source: str) -> int:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    name = f"nnutils.{module}"
    made = types.ModuleType(name)
    made.__file__ = f"<mutant of {module}>"
    sys.modules[name] = made
    setattr(sys.modules["nnutils"], module, made)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # nbval alone takes longer to import than the tests to run
    try:
        exec(compile(source, made.__file__, "exec"), made.__dict__)
        tests = ["-x", "-q", "-k", SLOW, str(ROOT / f"tests/nnutils/test_{module}.py")]
        return int(pytest.main(tests))
    except BaseException:
        return 1


def main() -> int:
    for needed in ("nnutils.data", "nnutils.schedules", "hypothesis", "scipy.stats", "torch._dynamo"):
        importlib.import_module(needed)
    known = yaml.safe_load(SURVIVORS.read_text(encoding="utf-8")) or {}
    for module in MODULES:
        if not survives(module, (ROOT / f"nnutils/{module}.py").read_text(encoding="utf-8")):
            print(f"mutants: the tests of {module} fail without any change; run pytest tests/nnutils/test_{module}.py")
            return 2
    jobs = [(module, what, source) for module in MODULES for what, source in mutants(module)]
    with ThreadPoolExecutor(int(os.environ.get("WORKERS", "1"))) as pool:
        alive = list(tqdm(pool.map(lambda job: survives(job[0], job[2]), jobs), total=len(jobs), unit="mutant"))
    found = {what for (_, what, _), lives in zip(jobs, alive, strict=True) if lives}
    print(f"{len(jobs)} changes, {len(jobs) - sum(alive)} noticed, {len(found)} different survivors")
    for what in sorted(found - known.keys()):
        print(f"NOT EXPLAINED: {what}")
    for what in sorted(known.keys() - found):
        print(f"NO SURVIVOR ANY MORE: {what}")
    return int(found != known.keys())


if __name__ == "__main__":
    sys.exit(main())
