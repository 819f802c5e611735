"""Markdown to HTML, HTML into a layout with its styles inlined, both on bodies with marks; tidy text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import css_inline
from markdown_it import MarkdownIt

from engine.mail.errors import TemplateError
from engine.mail.source import Restored, Source

_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_inliner = css_inline.CSSInliner(
    keep_at_rules=True, keep_style_tags=True, remove_inlined_selectors=True, load_remote_stylesheets=False
)

_VALUE = r"""(?:\s*=\s*(?:"[^"]*+"|'[^']*+'|[^\s"'>]++))?+"""
_BEFORE = r"""(?:\s++|/(?!>)|(?<=["']))"""
ATTRIBUTES = rf"""(?:{_BEFORE}(?:[^\s"'>/=]++{_VALUE})?+)*+"""
"""Everything between a tag's name and its end; quoted values may hold any character."""
TAG = re.compile(rf"<(?P<name>[a-zA-Z][^\s/>]*+)(?P<attributes>{ATTRIBUTES})(?P<end>\s*+/?+>)")
ATTRIBUTE = re.compile(rf"""({_BEFORE})([^\s"'>/=]++)(?:(\s*=\s*)("[^"]*+"|'[^']*+'|[^\s"'>]++))?+""")
_CLOSED = re.compile(r"<!--.*?-->|<(style|script|title|textarea)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_OF_MJML = (
    "background-url", "thumbnails-src", "icon-wrapped-url", "icon-unwrapped-url", "left-icon", "right-icon", "base-url",
)  # fmt: skip
_ADDRESSES = frozenset(("href", "src", "action", "formaction", "background", "poster", "cite", "xlink:href", *_OF_MJML))
_START, _END = "<!--content begins-->", "<!--content ends-->"
_SAMPLE = (
    "<h1>a</h1><h2>a</h2><h3>a</h3><h4>a</h4><h5>a</h5><h6>a</h6><p><a href='#'>a</a><b>a</b><strong>a</strong>"
    "<em>a</em><code>a</code><s>a</s><img alt=''><br></p>"
    "<p class='button'><a href='#'>a</a></p><ul><li><p>a</p></li></ul>"
    "<ol><li><p>a</p></li></ol><blockquote><p>a</p></blockquote><hr><pre><code>a</code></pre>"
    "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>a</td></tr></tbody></table>"
)
"""What Markdown makes. Rules for it are written into each content, so the head of the layout need not keep them."""
_STYLE = re.compile(r"<style\b([^>]*)>(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
_EVERYWHERE = re.compile(r"""\bmedia\s*=\s*["']?\s*(?:all|screen)?\s*["']?(?=\s|$|/)""", re.IGNORECASE)
_MEDIA = re.compile(r"\bmedia\s*=", re.IGNORECASE)
_ASIDE = ' data-css-inline="ignore"'


@dataclass(frozen=True)
class Page:
    """HTML with marks. `filters` names the filter of each tag that stands in an address; `firm` says that marks stand
    only in text and in values of attributes, so that an HTML parser keeps their order."""

    source: Source
    html: str
    filters: Mapping[int, str]
    firm: bool

    def restore(self, html: str | None = None) -> Restored:
        return self.source.restore(self.html if html is None else html, self.filters)


def page_of(source: Source) -> Page:
    """The body as HTML: Markdown is converted, HTML stays. Kept with the source, as its own properties are."""
    page: Page | None = vars(source).get("page")
    if page is None:
        html = _from_markdown(source) if source.path.endswith(".md") else source.marked
        page = vars(source)["page"] = _examined(source, html)
    return page


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def _from_markdown(source: Source) -> str:
    """Statements alone on a line stand between blocks; a bold link alone in its paragraph is a button."""
    marks = source.marks.pattern

    def apart(found: re.Match[str]) -> str:
        alone = all(not source.tags[index].printing for index in source.marks_in(found[0]))
        return f"\n{found[0].strip()}\n" if alone else found[0]

    text = re.sub(rf"^[ ]{{0,3}}(?:{marks}[ \t]*)+$", apart, source.marked, flags=re.MULTILINE)
    html: str = _markdown.render(text)

    def bare(found: re.Match[str]) -> str:
        alone = all(not source.tags[index].printing for index in source.marks_in(found[0]))
        return found[1] if alone else found[0]

    html = re.sub(rf"<p>((?:{marks}\s*)+)</p>", bare, html)
    return re.sub(r'<p><strong><a (href="[^"]*")>(.*?)</a></strong></p>', r'<p class="button"><a \1>\2</a></p>', html)


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def _examined(source: Source, html: str) -> Page:
    filters: dict[int, str] = {}
    in_tags: list[int] = []
    in_values: list[int] = []

    def tag(found: re.Match[str]) -> str:
        if not source.marks.search(found[0]):
            return found[0]
        in_tags.extend(source.marks_in(found[0]))
        return f"<{found['name']}{ATTRIBUTE.sub(attribute, found['attributes'])}{found['end']}"

    def attribute(found: re.Match[str]) -> str:
        space, name, equals, value = found.groups()
        if value is None or not source.marks.search(value):
            return found[0]
        in_values.extend(source.marks_in(value))
        value = value[1:-1] if value[0] in "\"'" else value
        if name.lower() in _ADDRESSES:
            filters.update(_address_filters(source, value))
        quote = "'" if '"' in value else '"'
        return f"{space}{name}{equals}{quote}{value}{quote}"

    html = TAG.sub(tag, html)
    return Page(source, html, filters, firm=len(in_tags) == len(in_values))


def _address_filters(source: Source, value: str) -> Iterator[tuple[int, str]]:
    started = False
    at = 0
    for found in source.marks.finditer(value):
        started = started or bool(value[at : found.start()].strip())
        index, at = int(found[1]), found.end()
        if source.tags[index].printing:
            yield index, "_part_of_address" if started else "_whole_address"


def _commented(page: Page) -> str:
    """Marks in text as comments, which an HTML parser leaves where they are, even between the rows of a table."""

    def text(part: str) -> str:
        pieces: list[str] = []
        at = 0
        for found in TAG.finditer(part):
            pieces += page.source.marks.sub(r"<!--\g<0>-->", part[at : found.start()]), found[0]
            at = found.end()
        pieces.append(page.source.marks.sub(r"<!--\g<0>-->", part[at:]))
        return "".join(pieces)

    pieces: list[str] = []
    at = 0
    for found in _CLOSED.finditer(page.html):
        pieces += text(page.html[at : found.start()]), found[0]
        at = found.end()
    return "".join((*pieces, text(page.html[at:])))


def content_mark(layout: Page) -> str:
    """The mark of `{{ content }}`. Raises TemplateError when the layout has none in its text."""
    for index, tag in enumerate(layout.source.tags):
        mark = f"<!--{layout.source.mark(index)}-->"
        if tag.printing and tag.inner.strip() == "content" and mark in _commented(layout):
            return mark
    raise TemplateError(layout.source.path, 0, "a layout needs `{{ content }}` for the text of the email")


def inlined(page: Page) -> str:
    """A whole page with the rules of its style sheets written into its elements. Rules that fit no element as it is
    written, such as media queries, `:hover` and what mail programs add, stay in the style sheet."""
    return _inline(page, _commented(page)) or page.html


def inlined_layout(layout: Page) -> str:
    """The same of a layout, without the rules that are written into every content."""
    mark = content_mark(layout)
    done = _inline(layout, _commented(layout).replace(mark, mark + _START + _SAMPLE + _END, 1))
    if done is None or _START not in done or _END not in done:
        return layout.html
    return done.partition(_START)[0] + done.partition(_END)[2]


def inlined_within(content: Page, layout: Page) -> str:
    """The content as it stands in its layout, with the layout's rules written into its elements."""
    document = _commented(layout).replace(content_mark(layout), _START + _commented(content) + _END, 1)
    done = _inline(content, document)
    return done.partition(_START)[2].partition(_END)[0] if done else content.html


def _inline(page: Page, document: str) -> str | None:
    """The document inlined, or None when the parser would move or lose a tag."""
    if not page.firm:
        return None
    try:
        done = _inliner.inline(_STYLE.sub(_of_other_media, document))
    except css_inline.InlineError:
        return None
    done = re.sub(r"<style\b[^>]*>\s*</style>\n?", "", done.replace(_ASIDE, ""))
    if "<tbody" not in document.lower().replace(_SAMPLE, ""):
        done = re.sub(r"</?tbody\b[^>]*>", "", done)  # the parser's own, which a loop would open again and again
    comments = re.compile(rf"<!--({page.source.marks.pattern})-->")
    moved = comments.findall(done) != comments.findall(document)
    lost = sorted(page.source.marks_in(done)) != sorted(page.source.marks_in(page.html))
    return None if moved or lost else comments.sub(r"\1", done)


def _of_other_media(found: re.Match[str]) -> str:
    """A style sheet for print or narrow screens stays as it is."""
    if not _MEDIA.search(found[1]) or _EVERYWHERE.search(found[1]):
        return found[0]
    return f"<style{found[1]}{_ASIDE}>{found[2]}</style>"


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def tidy(text: str) -> str:
    """Plain text without trailing spaces and with at most one empty line in a row; a first list is indented."""
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE))
    return re.sub(r"\A\n* ?(?! )", "", text).rstrip() + "\n"


def join_lists(html: str) -> str:
    """Lists that follow each other directly, as one."""
    return re.sub(r"</(ul|ol)>\s*<\1\b[^>]*>", "", html)


def join_items(text: str) -> str:
    """Items that follow each other, without empty lines between them."""
    return re.sub(r"(?m)^( +(?:\*|\d+\.) .*)\n\s*\n(?= +(?:\*|\d+\.) )", r"\1\n", text)


def shows(text: str, address: str) -> bool:
    """Whether a plain text shows this postal address, in one line or several."""
    return address in text or _letters(address) in _letters(text)


def _letters(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
