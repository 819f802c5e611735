// The editor that takes the place of the plain field on the desk's page for writing. What it knows of the language, it
// asks the desk, as the plain field does: see web/static/write.js.
import { acceptCompletion, autocompletion, closeBrackets, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, insertNewlineKeepIndent } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorSelection, EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const page = document.querySelector("[data-write]");
const field = document.getElementById("code");
const desk = window.coldframe;

function start() {
  const { path } = desk;
  const holder = document.createElement("div");
  holder.className = "cm";
  const root = holder.attachShadow({ mode: "open" });
  field.parentElement.append(holder);
  const view = new EditorView({ state: EditorState.create({ doc: field.value, extensions: extensions(path) }), parent: root, root });
  field.hidden = true;
  field.parentElement.querySelector("label")?.setAttribute("hidden", "");
  Object.assign(desk.text, {
    read: () => view.state.doc.toString(),
    write: (text) => replace(view, text),
    line: () => view.state.doc.lineAt(view.state.selection.main.head).number,
    go: (line) => go(view, line),
    show: (problems) => view.dispatch(setDiagnostics(view.state, problems.map((one) => diagnostic(view.state.doc, one)))),
  });
  desk.editor = view;
  const line = Number(page.dataset.line);
  if (line) go(view, line);
  desk.check();
}

function extensions(path) {
  return [
    lineNumbers(), history(), highlightActiveLine(), highlightSelectionMatches(), closeBrackets(),
    indentUnit.of("    "), EditorState.tabSize.of(4), EditorState.readOnly.of(!desk.editable),
    StreamLanguage.define(path.endsWith(".campaign") ? campaign : template), syntaxHighlighting(colors), look,
    EditorView.contentAttributes.of({
      "aria-label": `Text of ${path}. Press Escape, then Tab, to leave it.`, spellcheck: "false", autocapitalize: "off", tabindex: "0",
    }),
    autocompletion({ override: [suggest], activateOnTyping: true, icons: false }),
    hoverTooltip(explain, { hoverTime: 400 }),
    keymap.of([
      { key: "Escape", run: leave }, { key: "Tab", run: acceptCompletion }, { key: "Enter", run: insertNewlineKeepIndent }, { key: "F12", run: follow },
      { key: "F2", run: rename }, { key: "Shift-Alt-f", run: format }, ...completionKeymap, ...lintKeymap, ...searchKeymap,
      ...historyKeymap, ...defaultKeymap, indentWithTab,
    ]),
    EditorView.domEventHandlers({ mousedown: (event, view) => followClick(event, view) }),
    EditorView.updateListener.of((update) => {
      if (update.docChanged && !update.transactions.some((one) => one.isUserEvent("desk"))) desk.changed();
      if (update.selectionSet) desk.point();
    }),
  ];
}

// ── places: the desk counts lines from 0 and characters as UTF-16 has them, like the editor ──
function placeAt(doc, offset) {
  const line = doc.lineAt(offset);
  return { path: desk.path, line: line.number - 1, character: offset - line.from };
}

function offsetAt(doc, [row, character]) {
  const line = doc.line(Math.min(row + 1, doc.lines));
  return Math.min(line.from + character, line.to);
}

function diagnostic(doc, one) {
  const from = offsetAt(doc, one.range[0]);
  const to = Math.max(from, offsetAt(doc, one.range[1]));
  return { from, to, severity: one.severity, source: one.code, message: one.help ? `${one.message}\n${one.help}` : one.message };
}

function replace(view, text) {
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}

function go(view, line) {
  const place = view.state.doc.line(Math.max(1, Math.min(line, view.state.doc.lines)));
  view.dispatch({ selection: EditorSelection.single(place.from, place.to), effects: EditorView.scrollIntoView(place.from, { y: "center" }) });
  view.focus();
}

// ── what the desk knows ──
async function suggest(context) {
  const before = context.matchBefore(/[\w"/.-]+|[ {|.]$/);
  if (!context.explicit && !before) return null;
  await desk.saved();
  const found = await desk.ask("offers", placeAt(context.state.doc, context.pos));
  if (!found?.length || context.aborted) return null;
  const from = offsetAt(context.state.doc, found[0].range[0]);
  return {
    from, to: offsetAt(context.state.doc, found[0].range[1]), filter: true,
    options: found.map((one) => ({ label: one.label, apply: one.insert || one.label, detail: one.detail || undefined, info: one.about ? () => about(one.about) : undefined })),
  };
}

async function explain(view, pos) {
  const found = await desk.ask("about", placeAt(view.state.doc, pos));
  if (!found) return null;
  return {
    pos: offsetAt(view.state.doc, found.range[0]), end: offsetAt(view.state.doc, found.range[1]), above: true,
    create: () => ({ dom: about(found.text) }),
  };
}

function about(words) {
  const dom = document.createElement("div");
  dom.className = "about";
  dom.append(...desk.told(words));
  return dom;
}

// Tab indents, so Escape lets the next Tab go on to what follows on the page.
function leave(view) {
  view.setTabFocusMode(2000);
  return false;
}

function follow(view) {
  desk.ask("definition", placeAt(view.state.doc, view.state.selection.main.head)).then((found) => {
    if (!found?.length) return;
    const [{ path, range }] = found;
    if (path === desk.path) go(view, range[0][0] + 1);
    else location.assign(`/desk/write/file?path=${encodeURIComponent(path)}&line=${range[0][0] + 1}`);
  });
  return true;
}

function followClick(event, view) {
  const pos = event.ctrlKey || event.metaKey ? view.posAtCoords(event) : null;
  if (pos === null) return false;
  view.dispatch({ selection: { anchor: pos } });
  return follow(view);
}

function rename(view) {
  const place = placeAt(view.state.doc, view.state.selection.main.head);
  desk.ask("name", place).then((found) => {
    const form = document.querySelector("form[action='/desk/write/rename']");
    if (!found || !form) return;
    form.closest("details").open = true;
    form.elements.line.value = place.line + 1;
    form.elements.character.value = place.character;
    form.elements.new.value = found.name;
    form.elements.new.focus();
    form.elements.new.select();
  });
  return true;
}

function format(view) {
  desk.ask("formatted", { path: desk.path, text: view.state.doc.toString() }).then((text) => {
    if (text && text !== view.state.doc.toString()) replace(view, text);
  });
  return true;
}

// ── looks ──
const campaign = {
  token(stream, state) {
    if (stream.sol()) state.first = true;
    if (stream.eatSpace()) return null;
    if (stream.match(/#.*/)) return "comment";
    if (stream.match(/"(?:[^"\\]|\\.)*"?/)) { state.first = false; return "string"; }
    if (stream.match(/[+-]?\d[\d.:,-]*%?/)) { state.first = false; return "number"; }
    if (stream.match(/[\p{L}_][\p{L}\p{N}_]*/u)) {
      const { first } = state;
      state.first = false;
      return first ? "keyword" : WORDS.has(stream.current()) ? "operator" : null;
    }
    stream.next();
    state.first = false;
    return null;
  },
  startState: () => ({ first: true }),
  languageData: { commentTokens: { line: "#" } },
};
const WORDS = new Set("when is are and or not for if only with as to until within after before from in at on per because up".split(" "));
const template = {
  token(stream) {
    if (stream.match(/\{#.*?#\}/)) return "comment";
    if (stream.match(/\{[{%].*?[}%]\}/)) return "keyword";
    if (stream.sol() && stream.match(/#+ .*/)) return "heading";
    if (stream.sol() && stream.match(/(?:subject|preheader|sender):/)) return "operator";
    if (stream.match(/\]\([^)]*\)/)) return "string";
    stream.next();
    return null;
  },
};
const colors = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent)", fontWeight: "600" },
  { tag: tags.string, color: "var(--text-string, #8a4b12)" },
  { tag: tags.number, color: "var(--text-number, #6a4fb0)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: tags.operator, color: "var(--soft)" },
  { tag: tags.heading, fontWeight: "700" },
]);
const look = EditorView.theme({
  "&": { backgroundColor: "var(--card)", color: "var(--ink)", fontSize: ".88rem", height: "min(70vh, 46rem)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace", lineHeight: "1.55" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--card)", color: "var(--soft)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
  "&.cm-focused .cm-selectionBackground, ::selection": { backgroundColor: "color-mix(in srgb, var(--accent) 25%, transparent) !important" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-tooltip": { backgroundColor: "var(--card)", color: "var(--ink)", border: "1px solid var(--line)", borderRadius: "8px", maxWidth: "34rem" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--card)" },
  // The lint package's own marks are pictures in data: addresses, which the page's policy does not allow.
  ".cm-lintRange": { backgroundImage: "none !important", paddingBottom: "0" },
  ".cm-lintRange-error": { textDecoration: "underline wavy var(--bad) 1px" },
  ".cm-lintRange-warning": { textDecoration: "underline wavy var(--text-number, #6a4fb0) 1px" },
  ".cm-diagnostic": { whiteSpace: "pre-wrap" },
  ".cm-panels": { backgroundColor: "var(--ground)", color: "var(--ink)" },
  ".about": { padding: ".3rem .7rem" },
  ".about p": { margin: ".3rem 0", whiteSpace: "pre-line" },
  ".about pre": { margin: ".3rem 0", whiteSpace: "pre-wrap", fontSize: ".85rem" },
});

if (page && field && desk && document.adoptedStyleSheets) start();
