"""Which names in a piece of source a function binds itself, so that they mean nothing of the top level."""

import ast
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["imports_of", "own_names"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*_FUNCTIONS, ast.ClassDef, *_COMPREHENSIONS)


def own_names(definition: ast.AST) -> set[ast.Name]:
    """Return the nodes below a definition that name what a function binds itself; in doubt a name is not one of them.

    >>> tree = ast.parse("def f(p, q=helper): return helper(p)")
    >>> [node.id for node in own_names(tree)]
    ['p']
    """
    return set(_own(definition, frozenset()))


def _own(node: ast.AST, outer: frozenset[str]) -> Iterator[ast.Name]:
    if isinstance(node, ast.Name) and node.id in outer:
        yield node
    inner, first = outer, _evaluated_outside(node)
    if isinstance(node, _FUNCTIONS):
        own = [part for part in _same_scope(ast.iter_child_nodes(node)) if part not in first]
        declared = {name for part in own if isinstance(part, ast.Global) for name in part.names}
        inner = (outer | {name for part in own for name in _binds(part)}) - declared
    elif isinstance(node, _COMPREHENSIONS):
        inner = outer | {name for loop in node.generators for part in ast.walk(loop.target) for name in _binds(part)}
    elif isinstance(node, ast.ClassDef):  # its body reads the names that it binds itself from the top level
        inner = outer - {name for part in _same_scope(ast.iter_child_nodes(node)) for name in _binds(part)}
    for child in [*first, *_inside(node, first)]:
        yield from _own(child, outer if child in first else inner)


def _evaluated_outside(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a function or comprehension that run before its own names exist."""
    if isinstance(node, _COMPREHENSIONS):
        return [node.generators[0].iter]
    if not isinstance(node, _FUNCTIONS):
        return []
    defaults = [default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None]
    around = [] if isinstance(node, ast.Lambda) else [*node.decorator_list, *([node.returns] if node.returns else [])]
    return [*defaults, *around]


def _inside(node: ast.AST, without: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield the children of a node; of arguments and of a comprehension's loops their parts, without those named."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.arguments | ast.comprehension):
            yield from (part for part in ast.iter_child_nodes(child) if part not in without)
        elif child not in without:
            yield child


def _same_scope(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in nodes:
        yield node
        if not isinstance(node, _SCOPES):
            yield from _same_scope(ast.iter_child_nodes(node))


def _binds(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from imports_of(node)
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name


def imports_of(node: ast.AST) -> dict[str, str]:
    """Return what an import statement binds: name -> dotted path."""
    bound = {}
    if isinstance(node, ast.Import):
        for alias in node.names:
            bound[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        for alias in node.names:
            bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return bound
