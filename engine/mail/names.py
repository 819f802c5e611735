"""The names a template mentions, with their places, and whether it can do without a value there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from jinja2 import nodes

from engine.mail.places import Place, Script
from engine.mail.source import Source

JINJA_NAMES = frozenset(("range", "namespace", "loop", "self", "super", "caller", "varargs", "kwargs", "true", "false"))
_LENIENT_FILTERS = frozenset(("default", "d", "length", "count"))

Name = tuple[str, str | None]


@dataclass(frozen=True)
class Mention:
    """`root` alone or `root.part`. `needed`: without a value the mail cannot be rendered. `place` is in the file
    `path`; `alone`: inside a macro that was imported without the names of the mail."""

    root: str
    part: str | None
    path: str
    place: Place
    needed: bool
    alone: bool = False


@dataclass(frozen=True)
class Reference:
    """Another file that a template names: a part (`include`, `import`, `extends`) or a file to download."""

    target: str
    path: str
    place: Place
    download: bool = False


@dataclass(frozen=True)
class _Scope:
    path: str
    script: Script
    bound: set[str]
    present: frozenset[Name] = frozenset()
    alone: bool = False

    def place(self, node: nodes.Node) -> Place:
        return self.script.of_name(node)

    def within(self, names: Iterable[str] = ()) -> _Scope:
        return replace(self, bound=self.bound | set(names))

    def knowing(self, present: frozenset[Name]) -> _Scope:
        return replace(self, present=self.present | present)


class Walk:
    """Reads one template and, through `related`, every part it brings in. `found` grows in the order of reading."""

    def __init__(self, part: Callable[[str, str], Source | None]) -> None:
        self._part = part
        self._open: list[str] = []
        self.found: list[Mention | Reference] = []

    def source(self, source: Source) -> None:
        self._inside(source, _Scope(source.path, source.script, set()))

    def text(self, path: str, script: Script) -> None:
        """A line of front matter, or a note."""
        self._all(script.tree.body, _Scope(path, script, set()))

    def _inside(self, source: Source, scope: _Scope) -> None:
        if source.path not in self._open and len(self._open) < 20:
            self._open.append(source.path)
            self._all(source.script.tree.body, replace(scope, path=source.path, script=source.script))
            self._open.pop()

    def _all(self, items: Iterable[nodes.Node], scope: _Scope, lenient: bool = False) -> None:
        for item in items:
            self._walk(item, scope, lenient)

    def _walk(self, node: nodes.Node, scope: _Scope, lenient: bool = False) -> None:
        match node:
            case nodes.Name(ctx="load") | nodes.Getattr() | nodes.Getitem():
                self._mention(node, scope, lenient)
            case nodes.If() | nodes.CondExpr():
                self._choice(node, scope, lenient)
            case nodes.Include() | nodes.Import() | nodes.FromImport() | nodes.Extends():
                self._brought_in(node, scope)
            case nodes.Stmt():
                self._statement(node, scope)
            case _:
                self._expression(node, scope, lenient)

    def _mention(self, node: nodes.Node, scope: _Scope, lenient: bool) -> None:
        name = _name(node)
        if name is None:
            self._all(node.iter_child_nodes(), scope)
        elif name[0] not in scope.bound and name[0] not in JINJA_NAMES:
            needed = not lenient and name not in scope.present
            self.found.append(Mention(*name, scope.path, scope.place(node), needed, scope.alone))

    def _choice(self, node: nodes.If | nodes.CondExpr, scope: _Scope, lenient: bool) -> None:
        self._walk(node.test, scope, lenient=True)
        when, otherwise = scope.knowing(_true(node.test)), scope.knowing(_false(node.test))
        if isinstance(node, nodes.CondExpr):
            self._walk(node.expr1, when, lenient)
            if node.expr2 is not None:
                self._walk(node.expr2, otherwise, lenient)
            return
        self._all(node.body, when)
        for other in node.elif_:
            self._walk(other, otherwise)
            otherwise = otherwise.knowing(_false(other.test))
        self._all(node.else_, otherwise)

    def _statement(self, node: nodes.Stmt, scope: _Scope) -> None:
        match node:
            case nodes.For():
                self._walk(node.iter, scope, lenient=True)
                inner = scope.within((*_targets(node.target), "loop"))
                if node.test is not None:
                    self._walk(node.test, inner, lenient=True)
                self._all((*node.body, *node.else_), inner)
            case nodes.Macro():
                scope.bound.add(node.name)
                self._all(node.defaults, scope)
                self._all(node.body, scope.within(arg.name for arg in node.args))
            case nodes.CallBlock():
                self._walk(node.call, scope)
                self._all(node.body, scope.within(arg.name for arg in node.args))
            case nodes.Assign():
                self._walk(node.node, scope, lenient=True)
                scope.bound.update(_targets(node.target))
            case nodes.AssignBlock():
                self._all(node.body, scope.within())
                scope.bound.update(_targets(node.target))
            case nodes.With():
                self._all(node.values, scope, lenient=True)
                names = [name for target in node.targets for name in _targets(target)]
                self._all(node.body, scope.within(names))
            case nodes.Block() | nodes.Scope():
                self._all(node.body, scope.within())
            case _:
                self._all(node.iter_child_nodes(), scope)

    def _expression(self, node: nodes.Node, scope: _Scope, lenient: bool) -> None:
        match node:
            case nodes.Filter(node=inner) if inner is not None:
                self._walk(inner, scope, lenient=node.name in _LENIENT_FILTERS)
                self._all(node.args, scope)
            case nodes.Test():
                self._walk(node.node, scope, lenient=True)
                self._all(node.args, scope)
            case nodes.Compare() | nodes.Operand() | nodes.Not():
                self._all(node.iter_child_nodes(), scope, lenient=True)
            case nodes.Or():
                self._walk(node.left, scope, lenient=True)
                self._walk(node.right, scope, lenient)
            case nodes.And():
                self._walk(node.left, scope, lenient)
                self._walk(node.right, scope.knowing(_true(node.left)), lenient)
            case nodes.Call(node=nodes.Name(name="file_url"), args=[nodes.Const(value=str() as target) as name]):
                self.found.append(Reference(target, scope.path, scope.place(name), download=True))
                self._walk(node.node, scope)
            case _:
                self._all(node.iter_child_nodes(), scope)

    def _brought_in(self, node: nodes.Node, scope: _Scope) -> None:
        assert isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends)
        target = node.template
        if isinstance(node, nodes.Import):
            scope.bound.add(node.target)
        elif isinstance(node, nodes.FromImport):
            scope.bound.update(name if isinstance(name, str) else name[1] for name in node.names)
        if not isinstance(target, nodes.Const) or not isinstance(target.value, str):
            self._walk(target, scope)
            return
        source = self._part(target.value, scope.path)
        if source is None:
            if not getattr(node, "ignore_missing", False):
                self.found.append(Reference(target.value, scope.path, scope.place(target)))
        elif isinstance(node, nodes.Include | nodes.Extends) or node.with_context:
            self._inside(source, scope.within())
        else:
            self._inside(source, replace(scope, bound=set(), present=frozenset(), alone=True))


# ── what a test says about values ────────────────────────────────────────────────────────────────────────────────────
def _name(node: nodes.Node) -> Name | None:
    match node:
        case nodes.Name():
            return node.name, None
        case nodes.Getattr(node=nodes.Name(name=root), attr=part):
            return root, part
        case nodes.Getitem(node=nodes.Name(name=root), arg=nodes.Const(value=str() as part)):
            return root, part
        case _:
            return None


def _true(test: nodes.Node | None) -> frozenset[Name]:
    """The names that surely have a value where the test holds."""
    match test:
        case nodes.And():
            return _true(test.left) | _true(test.right)
        case nodes.Or():
            return _true(test.left) & _true(test.right)
        case nodes.Not():
            return _false(test.node)
        case nodes.Test():
            return _true(test.node) if test.name not in ("undefined", "none") else frozenset()
        case nodes.Compare():
            sides = [test.expr, *(operand.expr for operand in test.ops)]
            differs = any(operand.op in ("ne", "notin") for operand in test.ops)
            return frozenset() if differs else frozenset[Name]().union(*(_true(side) for side in sides))
        case nodes.Filter() if test.name not in ("default", "d"):
            return _true(test.node)
        case nodes.Name() | nodes.Getattr() | nodes.Getitem():
            name = _name(test)
            return frozenset() if name is None else frozenset((name,))
        case _:
            return frozenset()


def _false(test: nodes.Node | None) -> frozenset[Name]:
    """The names that surely have a value where the test does not hold."""
    match test:
        case nodes.Not():
            return _true(test.node)
        case nodes.Or():
            return _false(test.left) | _false(test.right)
        case nodes.And():
            return _false(test.left) & _false(test.right)
        case nodes.Test(name="undefined"):
            return _true(test.node)
        case _:
            return frozenset()


def _targets(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Name):
        yield node.name
    elif isinstance(node, nodes.Tuple):
        for item in node.items:
            yield from _targets(item)
