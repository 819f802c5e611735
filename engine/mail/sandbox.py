"""Jinja2 with hard limits: a small language of values, filters, loops and macros over plain data.

Built on Jinja's immutable sandbox, and narrower: no methods, no `safe`, no `autoescape` switch, only the filters of
`engine.mail.formats`. Every loop round, call and include takes one of `STEPS`, every printed value its length out of
`CHARACTERS`, and no single text grows past `TEXT`; with the size limit on sources that bounds time and memory
without looking at a clock.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from types import CodeType, MethodType
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.environment import TemplateModule
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from engine.mail.errors import NotAllowed

STEPS = 2_000
CHARACTERS = 500_000
TEXT = 64_000
DEPTH = 25
NUMBER = 10**15


class Outside(str):
    """Text that came from outside: a lead's field, an event's datum. Shown so that nobody's mail program links it."""

    __slots__ = ()


class Noting(dict[str, Any]):
    """A mapping that notes in `asked` which of its keys are looked at, whether or not they are there.

    Whatever looks at it as a whole (a loop, its length, a comparison) asks for every key. Its keys are in the order of
    the alphabet, since what is kept of a mail does not keep any other.
    """

    __slots__ = ("asked",)
    __hash__ = None

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(sorted(values.items()))
        self.asked: set[str] = set()

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.add(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self.asked.update(self.keys())
        return super().__iter__()

    def __len__(self) -> int:
        self.asked.update(self.keys())
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self.asked.update(self.keys())
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other


@dataclass(slots=True)
class Run:
    """What one rendering may still use, and how it shows values."""

    locale: str = "en"
    zone: str = "UTC"
    currency: str = "EUR"
    steps: int = STEPS
    characters: int = CHARACTERS

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise NotAllowed(f"the template takes more than {STEPS:,} loop rounds, calls and includes")

    def charge(self, size: int) -> None:
        self.characters -= size
        if self.characters < 0:
            raise NotAllowed(f"the template prints more than {CHARACTERS:,} characters")


running: ContextVar[Run | None] = ContextVar("running", default=None)


def current() -> Run:
    """The rendering under way; while a template is compiled, one of its own."""
    return running.get() or Run()


class Missing(StrictUndefined):
    """A value nobody gave. It may be tested and compared (always false) and have a default; it cannot be printed."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]
        return False

    def __eq__(self, other: object) -> bool:  # type: ignore[override]
        return False

    def __ne__(self, other: object) -> bool:  # type: ignore[override]
        return True

    def _false(self, other: object) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _false  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]

    def fail(self) -> NoReturn:
        name = self._undefined_name
        raise NotAllowed(f"`{name}` has no value here: give it a `default`, or put it in an `if`")

    __str__ = fail


def short(text: str) -> str:
    """The text, once it is known to be of a bearable length."""
    if len(text) > TEXT:
        raise NotAllowed(f"a text grows beyond {TEXT:,} characters")
    return text


def alike(source: Any, text: str) -> str:
    """`text`, marked as from outside when what it was made of is."""
    return Outside(text) if isinstance(source, Outside) and not isinstance(text, Markup) else text


def counted(items: Any) -> Iterator[Any]:
    """What a `for` goes through: lists and mappings, each round one step."""
    if isinstance(items, Undefined):
        return
    if not isinstance(items, list | tuple | dict | range):
        raise NotAllowed("`for` needs a list")
    run = current()
    for item in items:
        run.step()
        yield item


def concatenated(items: list[Any]) -> str:
    """The `~` operator: marked up as soon as one part is, from outside as soon as one part is."""
    for item in items:
        if isinstance(item, Undefined):
            Missing.fail(item)  # type: ignore[arg-type]
    texts = [item if isinstance(item, str) else str(item) for item in items]
    if sum(map(len, texts)) > TEXT:
        short("x" * (TEXT + 1))
    if any(isinstance(item, Markup) for item in items):
        return Markup("").join(texts)
    joined = "".join(texts)
    return Outside(joined) if any(isinstance(item, Outside) for item in items) else joined


def some_range(*bounds: int) -> range:
    """`range` of at most 1,000 numbers."""
    found = range(*bounds)
    if len(found) > 1_000:
        raise NotAllowed("`range` gives at most 1,000 numbers")
    return found


_WRITABLE = (str, int, float, Decimal, date, time)
_CALLABLE = (Macro, BlockReference, LoopContext)
_LOOKABLE = (LoopContext, TemplateReference, TemplateModule, Namespace)
_FORBIDDEN: Mapping[type[nodes.Node], str] = {
    nodes.ScopedEvalContextModifier: "`autoescape` cannot be changed",
    nodes.EvalContextModifier: "`autoescape` cannot be changed",
    nodes.Pow: "`**` is not available",
}


KEPT = 1_000
"""Compiled templates that are kept. Deployments, and the files of a workspace, share most of theirs."""
_kept: dict[tuple[bool, str | None, str | None, str], CodeType] = {}
"""Whether values are escaped, name, file, and text → the code, which belongs to no environment."""


class Sandbox(ImmutableSandboxedEnvironment):
    """One Jinja environment. `show` prepares a printed value; `functions` are what templates may call."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%", "**"))

    def __init__(
        self, *, show: Callable[..., Any], filters: Mapping[str, Callable[..., Any]],
        related: Callable[[str, str], str], **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(undefined=Missing, finalize=show, auto_reload=False, cache_size=-1, **options)
        self.filters = {**filters, "_counted": counted, "_concatenated": concatenated}
        self.globals = {"range": some_range, "namespace": Namespace}
        self._related = related

    def join_path(self, template: str, parent: str) -> str:
        return self._related(template, parent)

    def _load_template(self, name: str, globals: Any) -> Any:
        current().step()
        return super()._load_template(name, globals)

    def compile(  # type: ignore[override]
        self, source: str | nodes.Template, name: str | None = None, filename: str | None = None, *rest: Any,
        **more: Any,
    ) -> str | CodeType:  # fmt: skip
        """As always, but the same text is compiled once."""
        if rest or more or not isinstance(source, str):
            found: str | CodeType = super().compile(source, name, filename, *rest, **more)
            return found
        key = (bool(self.autoescape), name, filename, source)
        code = _kept.get(key)
        if code is None:
            code = super().compile(source, name, filename)
            if len(_kept) >= KEPT:
                _kept.clear()
            _kept[key] = code
        return code

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return restrict(tree)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, _LOOKABLE):
            return super().getattr(obj, attribute)
        if isinstance(obj, Undefined):
            raise NotAllowed(f"unknown name `{obj._undefined_name}`")
        raise NotAllowed(f"`.{attribute}` is not available on a value: use a filter")

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, dict | Undefined) or isinstance(argument, str):
            return self.getattr(obj, str(argument))
        if not isinstance(obj, str | list | tuple | range):
            raise NotAllowed("only texts and lists have items")
        try:
            found = obj[argument]
        except LookupError:
            return self.undefined(obj=obj, name=str(argument))
        return alike(obj, found) if isinstance(found, str) else found

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        current().step()
        method_of_loop = isinstance(__obj, MethodType) and isinstance(__obj.__self__, LoopContext)
        known = __obj is some_range or __obj is Namespace or getattr(__obj, "for_templates", False)
        if isinstance(__obj, Undefined):
            raise NotAllowed(f"unknown function `{__obj._undefined_name}`")
        if not (known or method_of_loop or isinstance(__obj, _CALLABLE)):
            raise NotAllowed("only macros and the functions of the documentation can be called")
        return __context.call(__obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        for side in (left, right):
            if isinstance(side, Undefined):
                Missing.fail(side)  # type: ignore[arg-type]
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return concatenated([left, right])
        return _CALCULATE[operator](_usual(operator, left), _usual(operator, right))


def _usual(operator: str, value: Any) -> int | float:
    number = float(value) if isinstance(value, Decimal) else value
    if not isinstance(number, int | float) or abs(number) >= NUMBER:
        raise NotAllowed(f"`{operator}` needs two numbers of ordinary size")
    return number


_CALCULATE: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod,
}  # fmt: skip


class _Rewrite(NodeTransformer):
    """Puts the counting into loops, and `~` under the limit on texts."""

    def __init__(self) -> None:
        self.depth = 0

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        for kind, message in _FORBIDDEN.items():
            if isinstance(node, kind):
                raise _at(node, message)
        self.depth += isinstance(node, nodes.Stmt)
        if self.depth > DEPTH:
            raise _at(node, f"the template is nested more than {DEPTH} deep")
        result = super().visit(node, *args, **kwargs)
        self.depth -= isinstance(node, nodes.Stmt)
        return result

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise _at(node, "`recursive` loops are not available")
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_counted", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "_concatenated", [], [], None, None, lineno=node.lineno)


class Misplaced(NotAllowed):
    """A construct that the sandbox refuses before anything runs, with its line in the source it was parsed from."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def _at(node: nodes.Node, message: str) -> Misplaced:
    return Misplaced(node.lineno or 0, message)


def restrict(tree: nodes.Template) -> nodes.Template:
    """The tree with its limits in place. Raises Misplaced for what templates may not contain."""
    environment = tree.environment
    rewritten: nodes.Template = _Rewrite().visit(tree)
    if environment is not None:
        rewritten.set_environment(environment)
    return rewritten


def printable(value: Any) -> Any:
    """A value as it is printed, charged to the run; lists are joined by commas. Raises NotAllowed for anything else."""
    if isinstance(value, Undefined):
        Missing.fail(value)  # type: ignore[arg-type]
    if isinstance(value, float | Decimal) and value == int(value):
        value = int(value)
    elif isinstance(value, list | tuple):
        joined = ", ".join(str(printable(item)) for item in value)
        return Outside(joined) if any(isinstance(item, Outside) for item in value) else joined
    elif not isinstance(value, _WRITABLE):
        raise NotAllowed("only texts, numbers, dates and lists of them can be printed")
    current().charge(len(value) if isinstance(value, str) else 20)
    return value
