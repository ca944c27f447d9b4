"""Adds to each statement of a module one that notes that it ran: `__ran__[77] = 1`.

A branch that is looked at and not taken (`except`, `case`) counts when its body runs, or that of a later one.
"""

import ast

NAME = "__ran__"


def with_probes(tree: ast.Module, offset: int) -> ast.Module:
    """Line 1 of the module is byte `offset + 1`."""
    _Adding(offset).visit(tree)
    return tree


class _Adding(ast.NodeVisitor):
    def __init__(self, offset: int) -> None:
        self.offset = offset

    def generic_visit(self, node: ast.AST) -> None:
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):  # the body of a lambda is an expression
                setattr(node, field, self._noted(statements))
        for field in ("handlers", "cases"):
            looked_at: list[int] = []
            for branch in getattr(node, field, ()):
                looked_at.append((branch.pattern if isinstance(branch, ast.match_case) else branch).lineno)
                branch.body[:0] = [self._probe(line, branch.body[0]) for line in looked_at]

    def _noted(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        noted: list[ast.stmt] = []
        probes: list[ast.stmt] = []
        for statement in statements:
            if not _is_docstring(statement):
                probes += [self._probe(line, statement) for line in _lines(statement)]
            if not _is_docstring(statement) and not _is_from_future(statement):  # which must come first
                noted += probes
                probes = []
            noted.append(statement)
        return noted + probes

    def _probe(self, line: int, at: ast.stmt) -> ast.stmt:
        byte = ast.Subscript(ast.Name(NAME, ast.Load()), ast.Constant(self.offset + line), ast.Store())
        probe = ast.Assign([byte], ast.Constant(1))
        for node in ast.walk(probe):
            ast.copy_location(node, at)
        return probe


def _lines(statement: ast.stmt) -> range:
    """A function begins with its decorators; all else counts by its first line."""
    first = [*getattr(statement, "decorator_list", ()), statement][0]
    return range(first.lineno, statement.lineno + 1)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_from_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
