"""What a question refuses: names that would answer it for the learner, such as ``torch.optim`` in the optimizers lab.

``violations`` reads the source, before anything runs: from the question's names it follows helpers, base classes and
aliases (``import torch.optim as o``, ``from torch import optim``) and reports refused names on the way; what only an
experiment or another question uses costs nothing. ``autograder.guard`` watches while the code runs.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence

from IPython.core.inputtransformer2 import TransformerManager

from autograder.scopes import imports_of, own_names

__all__ = ["reaches_for_the_grader", "refuses", "sentence", "violations"]


def refuses(refused: Iterable[str], path: str) -> str:
    """Return the first pattern that refuses a dotted path, or an empty string.

    A pattern is a dotted path, which stands for all that lies below it too; with a star at its end, for all that begins
    like it; with a dot in front, for an attribute of anything.

    >>> refuses(["torch.autograd.grad"], "torch.autograd.grad_mode.no_grad")
    ''
    >>> refuses(["torch.optim", "torch.func.jac*", ".grad_fn"], "torch.func.jacrev")
    'torch.func.jac*'
    """
    for pattern in refused:
        start = pattern.removesuffix("*")
        if path == pattern or path.startswith(start if start != pattern else pattern + "."):
            return pattern
    return ""


def sentence(question: str, name: str) -> str:
    """Return the one sentence that a learner reads.

    >>> sentence("sgd", "torch.optim")
    'sgd: torch.optim is refused in this question; write the update yourself'
    """
    task = "the update" if "optim" in name else "it"
    return f"{question}: {name} is refused in this question; write {task} yourself"


def violations(cells: Sequence[str], names: Iterable[str], refused: Sequence[str]) -> list[str]:
    """Return the refused dotted names that the code behind ``names`` uses, in the order of their discovery.

    Parameters
    ----------
    cells : sequence of str
        Source of the code cells in the order in which they ran; a later definition of a name replaces an earlier one.
    names : iterable of str
        The question's names.
    refused : sequence of str
        Patterns as ``refuses`` reads them.

    Examples
    --------
    >>> violations(["import torch.optim as o", "def f(p): return o.SGD(p)"], ["f"], ["torch.optim"])
    ['torch.optim.SGD']
    """
    book = _definitions(cells)
    found: list[str] = []
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop(0)
        if name in seen or name not in book:
            continue
        seen.add(name)
        for node in book[name]:
            for kind, what in _uses(node, book):
                if kind == "name":
                    waiting.append(what)
                elif refuses(refused, what) and what not in found:
                    found.append(what)
    return [path for path in found if not any(other.startswith(path + ".") for other in found)]


_GRADERS_OWN = (
    *("ast_transformers", "input_transformers_post", "input_transformers_cleanup", "display_formatter", "displayhook"),
    *(
        "do_execute",
        "showtraceback",
        "set_custom_exc",
        "run_cell",
        "user_ns",
        "_getframe",
        "current_frame",
        "currentframe",
    ),
    *("NBGRADER_EXECUTION", "autograder", "hidden_tests", "run_hidden", "COURSE_SECRET", "COURSE_SOLUTIONS"),
)


def reaches_for_the_grader(cells: Iterable[str]) -> list[str]:
    """Return which of the grader's own things a learner's code mentions, for a person to look at; it costs nothing.

    >>> reaches_for_the_grader(["get_ipython().ast_transformers.append(Strip())"])
    ['ast_transformers']
    """
    text = "\n".join(cells)
    return [name for name in _GRADERS_OWN if re.search(rf"(?<![A-Za-z0-9_]){name}(?![A-Za-z0-9_])", text)]


def _definitions(cells: Sequence[str]) -> dict[str, list[ast.AST]]:
    """Map each top-level name to the statements that define it (the last cell that does so wins)."""
    book: dict[str, list[ast.AST]] = {}
    transform = TransformerManager().transform_cell
    for cell in cells:
        try:
            tree = ast.parse(transform(cell) if _is_light(cell) else _without_magics(cell))
        except Exception:
            continue  # it does not run either
        here: dict[str, list[ast.AST]] = {}
        for node in _statements(tree.body):
            for name in _bound(node):
                here.setdefault(name, []).append(node)
        # a name changed in place or by attribute (`SGD.step = step`) keeps its definition
        for name, nodes in here.items():
            extends = all(
                isinstance(n, ast.AugAssign) or (isinstance(n, ast.Assign) and not _plain(n, name)) for n in nodes
            )
            book[name] = book.get(name, []) + nodes if extends or name == "*" else nodes
    return book


def _is_light(cell: str) -> bool:
    """Whether IPython rewrites the cell's magics in no time; it reads the whole cell again for each."""
    lines = cell.count("\n") + 1
    return lines * (sum(cell.count(mark) for mark in "%!?") + 1) < 50_000


def _without_magics(cell: str) -> str:
    return "\n".join("" if line.lstrip().startswith(("%", "!", "?")) else line for line in cell.split("\n"))


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run at top level, those inside if, try, with and for included."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.split(".")[0]
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.With):
        targets: list[ast.AST] = list(getattr(node, "targets", None) or [getattr(node, "target", None)])
        targets += [item.optional_vars for item in getattr(node, "items", [])]
        for target in targets:
            if target is None:
                continue
            if isinstance(target, ast.Attribute | ast.Subscript):
                root: ast.AST = target
                while isinstance(root, ast.Attribute | ast.Subscript):
                    root = root.value
                if isinstance(root, ast.Name):
                    yield root.id
                continue
            yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))


def _plain(node: ast.Assign, name: str) -> bool:
    return any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store)
        for t in node.targets
        for n in ast.walk(t)
    )


def _uses(definition: ast.AST, book: dict[str, list[ast.AST]]) -> Iterator[tuple[str, str]]:
    """Yield ("name", top-level name) and ("path", dotted path) for everything a definition refers to."""
    if isinstance(definition, ast.Import | ast.ImportFrom):
        return  # importing costs nothing; using does
    local = _Local(definition)
    for node in local.nodes:
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[-1], ast.Constant):
            text = next((a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)), "")
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if called in ("import_module", "__import__"):
                yield "path", text
            elif called == "getattr":
                yield "path", f"{_path(node.args[0], local, book) or ''}.{text}"
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (("path", f"{node.module}.{alias.name}") for alias in node.names if alias.name != "*")
        if isinstance(node, ast.Name | ast.Attribute):
            if path := _path(node, local, book):
                yield "path", path
            if isinstance(node, ast.Attribute):
                yield "path", f".{node.attr}"
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node not in local.own:
            if node.id in book:
                yield "name", node.id
            else:  # from torch.optim import *
                for star in book.get("*", []):
                    module = str(getattr(star, "module", ""))
                    if _has(module, node.id):
                        yield "path", f"{module}.{node.id}"


class _Local:
    """The nodes of one definition without annotations, the imports inside it, and the names that it has of its own."""

    def __init__(self, definition: ast.AST) -> None:
        self.nodes = list(_without_annotations(definition))
        self.own = own_names(definition)
        self.imports: dict[str, str] = {}
        for node in self.nodes:
            self.imports |= imports_of(node)


def _without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _without_annotations(child)


def _path(node: ast.AST, local: _Local, book: dict[str, list[ast.AST]], depth: int = 0) -> str | None:
    """Return the dotted path that a name or attribute chain stands for, or None when it is no module's."""
    if depth > 20:
        return None
    if isinstance(node, ast.Attribute):
        base = _path(node.value, local, book, depth + 1)
        return f"{base}.{node.attr}" if base else None
    if not isinstance(node, ast.Name):
        return None
    if node.id in local.imports:
        return local.imports[node.id]
    if node in local.own:
        return None
    for definition in reversed(book.get(node.id, [])):
        if path := imports_of(definition).get(node.id):
            return path
        if isinstance(definition, ast.Assign) and isinstance(definition.value, ast.Name | ast.Attribute):
            alias = definition.value
            if not (isinstance(alias, ast.Name) and alias.id == node.id):
                return _path(alias, local, book, depth + 1)
    return None


def _has(module: str, name: str) -> bool:
    """Whether a module may have brought a name by a star; a module that is not loaded here may have brought any.

    It is never imported: the learner chose it, and importing runs it.
    """
    return not name.startswith("_") and (module not in sys.modules or name in vars(sys.modules[module]))
