"""A module's syntax tree without what cannot change a result: words, annotations, and the names of local variables."""

import ast

_SPEAKERS = {"log", "LOG", "logging", "warnings"}  # calls on these only show something to people
_WORDS = {"help", "description", "epilog", "metavar"}  # arguments that are shown to people
_LEAVES = {"ctx", "op", "ops", "type_ignores"}  # fields with nothing below them
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def meaning(tree: ast.Module) -> str:
    """What a module does, as a string that stays the same when only words change; the tree is modified.

    Not part of it are comments and layout, docstrings, logging, printing and warnings, what an exception says (but
    not which one is raised), the message of an assertion, help texts of command lines, annotations of parameters,
    results and local variables with the imports that only these need, and the names of local variables. Every other
    string counts: it may be a column, a mode or a key.
    """
    waiting: list[ast.AST] = [tree]
    for node in waiting:
        if isinstance(node, _Function):
            _rename_locals(node)
        else:
            waiting.extend(_take_out_words(node))
    _take_out_imports(tree)
    return _text(tree)


def _rename_locals(function: _Function) -> None:
    """Take out the words of a function, and number its variables and those of its closures, in order of appearance.

    Parameters, names of the module and what a class within the function assigns keep their names: others may use them.
    """
    assigned: dict[str, None] = {}
    taken: set[str] = set()
    used: list[ast.Name] = []
    classes: list[ast.ClassDef] = []
    waiting: list[ast.AST] = [function]
    for node in waiting:
        if not isinstance(node, ast.ClassDef):
            _take_out_local_annotations(node)
        waiting.extend(_take_out_words(node))
        if isinstance(node, ast.Name):
            used.append(node)
            if isinstance(node.ctx, ast.Store):
                assigned[node.id] = None
        elif isinstance(node, ast.arg):
            taken.add(node.arg)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            taken.update(node.names)
        elif isinstance(node, ast.ClassDef):
            classes.append(node)
    taken.update(part.id for node in classes for part in ast.walk(node) if isinstance(part, ast.Name))
    names = {name: f"local {place}" for place, name in enumerate(name for name in assigned if name not in taken)}
    for name in used:
        name.id = names.get(name.id, name.id)


def _take_out_words(node: ast.AST) -> list[ast.AST]:
    """Take out the words of a node itself; returns the remaining nodes below it, in order."""
    if isinstance(node, ast.Module | ast.ClassDef):
        node.body = _without_docstring(node.body)
    elif isinstance(node, _Function):
        node.body, node.returns = _without_docstring(node.body), None
    elif isinstance(node, ast.arg):
        node.annotation = None
    elif isinstance(node, ast.Raise):
        if isinstance(node.exc, ast.Call):
            node.exc = node.exc.func
    elif isinstance(node, ast.Assert):
        node.msg = None
    elif isinstance(node, ast.Call):
        node.keywords = [each for each in node.keywords if each.arg not in _WORDS]
    below: list[ast.AST] = []
    for name in node._fields:
        value = None if name in _LEAVES else getattr(node, name, None)
        if isinstance(value, list):
            value[:] = [ast.Pass() if isinstance(each, ast.Expr) and _speaks(each.value) else each for each in value]
            below += [each for each in value if isinstance(each, ast.AST)]
        elif isinstance(value, ast.AST):
            below.append(value)
    return below


def _take_out_local_annotations(node: ast.AST) -> None:
    """Take out the annotations of variables of a function, which Python does not evaluate."""
    for name in node._fields:
        if isinstance(body := getattr(node, name, None), list):
            body[:] = [each for each in body if not isinstance(each, ast.AnnAssign) or each.value]
            for place, each in enumerate(body):
                if isinstance(each, ast.AnnAssign) and each.value:
                    body[place] = ast.Assign(targets=[each.target], value=each.value)


def _take_out_imports(tree: ast.Module) -> None:
    """Take out imports for type checkers alone, and from modules names that nothing uses once the words are out.

    A name that is imported `as` itself is for other modules and stays.
    """
    bodies = [value for node in ast.walk(tree) for _, value in ast.iter_fields(node) if isinstance(value, list)]
    for body in bodies:
        body[:] = [each for each in body if not (isinstance(each, ast.If) and _for_types(each.test))]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            node.names = [
                each for each in node.names if (each.asname or each.name) in used or each.name in ("*", each.asname)
            ]
    for body in bodies:
        body[:] = [each for each in body if not (isinstance(each, ast.ImportFrom) and not each.names)]


def _for_types(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _text(node: object) -> str:
    """The same as `ast.dump` of Python 3.11 writes, in half its time."""
    if isinstance(node, ast.Name):
        return f"Name(id={node.id!r}, ctx={type(node.ctx).__name__}())"
    if isinstance(node, ast.AST):
        kind = type(node)
        values = [(name, getattr(node, name, None)) for name in kind._fields]
        shown = [
            f"{name}={_text(value)}"
            for name, value in values
            if value is not None or getattr(kind, name, ...) is not None
        ]
        return f"{kind.__name__}({', '.join(shown)})"
    if isinstance(node, list):
        return f"[{', '.join(map(_text, node))}]"
    return repr(node)


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


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body
