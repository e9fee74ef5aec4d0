"""A module's syntax tree without what changes no result: words, annotations, and the names of local variables."""

import ast
from typing import TypeVar

_SPEAKERS = {"log", "LOG", "logging", "warnings"}  # what is called on these is shown to people, and to nobody else
_WORDS = {"help", "description", "epilog", "metavar"}  # arguments that are shown to people
_Function = TypeVar("_Function", ast.FunctionDef, ast.AsyncFunctionDef)


def meaning(tree: ast.Module) -> str:
    """What a module does, as a string that stays the same when only words change; the tree is used up.

    Without a part in it: comments and layout, docstrings, logging, printing and warnings, what an exception says (but
    not which one is raised), the message of an assertion, help texts of command lines, annotations of parameters and
    results, and how local variables are called. Every other string counts: it may be a column, a mode or a key.
    """
    tree.body = _without_docstring(tree.body)
    return ast.dump(_Plain().visit(tree))


class _Plain(ast.NodeTransformer):
    """Takes out words; renames local variables in the order in which they appear."""

    def __init__(self) -> None:
        self._in_function = False

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = _without_docstring(node.body)
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: _Function) -> _Function:
        """Take out the words of a function; the outermost one renames its variables and those of its closures alike."""
        node.body, node.returns = _without_docstring(node.body), None
        outermost, self._in_function = not self._in_function, True
        self.generic_visit(node)
        if outermost:
            self._in_function = False
            names = {name: f"local {place}" for place, name in enumerate(_locals(node))}
            for part in ast.walk(node):
                if isinstance(part, ast.Name) and part.id in names:
                    part.id = names[part.id]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return ast.Pass() if _speaks(node.value) else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
        return self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        node.msg = None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.keywords = [each for each in node.keywords if each.arg not in _WORDS]
        return self.generic_visit(node)


def _speaks(node: ast.expr) -> bool:
    """Whether an expression is a call that only shows something to people."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Name):
        return node.func.id == "print"
    return (
        isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in _SPEAKERS
    )


def _locals(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Variables that are assigned within a function or its closures, each once.

    Not parameters, names of the module, or what a class within the function assigns: these are known elsewhere.
    """
    assigned: dict[str, None] = {}
    taken: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assigned[node.id] = None
        elif isinstance(node, ast.arg):
            taken.add(node.arg)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            taken.update(node.names)
        elif isinstance(node, ast.ClassDef):
            taken.update(part.id for part in ast.walk(node) if isinstance(part, ast.Name))
    return [name for name in assigned if name not in taken]


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body
