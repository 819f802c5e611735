// The page for writing: what is typed is stored and checked at once. Without this file, the buttons do the same.
(() => {
  const page = document.querySelector("[data-write]");
  const form = document.getElementById("writing");
  if (!page || !form) return;
  const field = document.getElementById("code");
  const state = document.getElementById("state");
  const problems = document.getElementById("problems");
  const beside = document.getElementById("beside");
  const { path } = page.dataset;
  const longest = Number(page.dataset.longest);
  let acknowledged = page.dataset.was;
  let waiting = false;
  let again = false;
  let timer = 0;

  // The text lies in the field, or in an editor that has taken its place: see editor.js.
  const text = {
    read: () => field.value,
    write: (value) => { field.value = value; },
    line: () => field.value.slice(0, field.selectionStart).split("\n").length,
    go: (line) => goInField(line),
    show: () => {},
  };
  window.coldframe = { text, changed, ask, saved, check: rest, point, told, path, editable: !field.readOnly };

  function post(address, token, body) {
    return fetch(address, {
      method: "POST", credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ csrf: token, ...body }),
    });
  }

  async function ask(what, given = {}) {
    const answer = await post("/desk/write/ask", page.dataset.ask, { what, ...given });
    return answer.ok ? (await answer.json()).ok : null;
  }

  function say(words, bad = false) {
    state.textContent = words;
    state.classList.toggle("bad", bad);
  }

  // Resolves once what was typed last has arrived.
  function saved() {
    return waiting || again ? new Promise((done) => { setTimeout(() => done(saved()), 20); }) : Promise.resolve();
  }

  // One keystroke is under way at a time; what is typed meanwhile goes with the next.
  function changed() {
    say("Saving…");
    if (waiting) { again = true; return; }
    send();
  }

  async function send() {
    const value = text.read();
    if (new Blob([value]).size > longest) {
      say(`Not saved: a file has at most ${Math.floor(longest / 1024)} KB`, true);
      return;
    }
    waiting = true;
    again = false;
    try {
      const answer = await post("/desk/write/type", page.dataset.type, { path, text: value, was: acknowledged });
      await take(answer, value);
    } catch {
      say("Not saved: no connection. Trying again…", true);
      setTimeout(() => { waiting = false; changed(); }, 3000);
      return;
    }
    waiting = false;
    if (again) send();
  }

  async function take(answer, value) {
    if (answer.status === 429) {
      again = true;
      await new Promise((go) => { setTimeout(go, 1000 * Number(answer.headers.get("Retry-After") || 1)); });
      return;
    }
    const told = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : {};
    if (answer.status === 409) {
      again = false;
      say(told.error, true);
      return;
    }
    if (!answer.ok) {
      say(told.error || "Not saved. Reload the page and try again.", true);
      return;
    }
    acknowledged = told.was;
    form.elements.was.value = told.was;
    say("Saved");
    if (told.problems) {
      list(told.problems);
      text.show(told.problems[path] || []);
    }
    if (told.rest) rest();
    else look(told.problems);
  }

  function rest() {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const told = await ask("problems");
      if (!told) return;
      list(told.problems);
      text.show(told.problems[path] || []);
      look(told.problems);
    }, 250);
  }

  // What stands beside is drawn again once typing rests and nothing is wrong.
  function look(found) {
    clearTimeout(timer);
    const wrong = Object.values(found || {}).flat().some((one) => one.severity === "error");
    if (wrong || !beside || beside.dataset.view === "comments") return;
    timer = setTimeout(refresh, 500);
  }

  async function refresh() {
    const asked = new URLSearchParams({ path, show: beside.dataset.view });
    for (const name of ["campaign", "template", "language", "width", "script"]) {
      const chosen = beside.querySelector(`[name=${name}]`)?.value;
      if (chosen) asked.set(name, chosen);
    }
    if (beside.contains(document.activeElement) && document.activeElement.matches("textarea, input, select")) return;
    const answer = await fetch(`/desk/write/beside?${asked}`, { credentials: "same-origin" });
    if (!answer.ok) return;
    beside.innerHTML = await answer.text();
    point();
  }

  function list(found) {
    const rows = Object.entries(found).flatMap(([where, all]) => all.map((one) => [where, one]));
    rows.sort(([a, x], [b, y]) => (a !== path) - (b !== path) || (a < b ? -1 : a > b ? 1 : x.line - y.line));
    const errors = rows.filter(([, one]) => one.severity === "error").length;
    const count = (many, noun) => `${many} ${noun}${many === 1 ? "" : "s"}`;
    const head = document.createElement("h2");
    head.textContent = rows.length ? `${count(errors, "error")}, ${count(rows.length - errors, "warning")}` : "No problems";
    const all = document.createElement("ol");
    for (const [where, one] of rows.slice(0, 60)) all.append(item(where, one));
    problems.replaceChildren(head, all);
  }

  function item(where, one) {
    const row = document.createElement("li");
    row.className = one.severity;
    const link = document.createElement("a");
    link.href = `/desk/write/file?path=${encodeURIComponent(where)}&line=${one.line}`;
    link.textContent = `${where}:${one.line}`;
    if (where === path) link.dataset.line = one.line;
    const code = document.createElement("small");
    code.textContent = one.code;
    row.append(link, " ", ...coded(one.message), " ", code);
    if (one.help) {
      const help = document.createElement("p");
      help.append(...coded(one.help));
      row.append(help);
    }
    return row;
  }

  function coded(words) {
    return words.split("`").map((part, place) => {
      if (place % 2 === 0) return part;
      const code = document.createElement("code");
      code.textContent = part;
      return code;
    });
  }

  // An explanation: paragraphs with words in backticks, and examples between lines of three backticks.
  function told(words) {
    return words.split(/^```\w*\n?/m).map((part, place) => {
      const made = document.createElement(place % 2 ? "pre" : "p");
      made.append(...(place % 2 ? [part.trimEnd()] : coded(part.trim())));
      return made;
    }).filter((made) => made.textContent);
  }

  // ── places ──
  function goInField(line) {
    const lines = field.value.split("\n");
    const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    field.focus();
    field.setSelectionRange(start, start + (lines[line - 1] || "").length);
    const height = parseFloat(getComputedStyle(field).lineHeight) || 20;
    field.scrollTop = Math.max(0, (line - 5) * height);
  }

  document.addEventListener("click", (event) => {
    const line = Number(event.target.closest?.("a[data-line]")?.dataset.line);
    if (!line) return;
    event.preventDefault();
    text.go(line);
  });

  // The step of the line that is being written is marked in the drawing.
  let pointed = 0;
  function point() {
    const drawing = document.getElementById("drawing");
    const line = text.line();
    if (!drawing || !line) return;
    pointed = line;
    const to = `${drawing.dataset.src}#line-${line}-${encodeURIComponent(path)}`;
    if (drawing.getAttribute("src") !== to) drawing.setAttribute("src", to);
  }
  document.addEventListener("selectionchange", () => { if (text.line() !== pointed) point(); });

  // ── choices that show something at once ──
  document.addEventListener("change", (event) => {
    if (event.target.id === "block") return insert(event.target);
    if (beside?.contains(event.target) && event.target.matches("select") && !["after", "add"].includes(event.target.name)) {
      if (event.target.name === "template") beside.querySelector("[name=language]")?.remove();
      event.target.form.requestSubmit();
    }
    return undefined;
  });

  function insert(select) {
    const block = select.selectedOptions[0]?.dataset.text;
    if (!block) return;
    const lines = text.read().split("\n");
    const whole = select.value === "campaign";
    if (lines.at(-1) === "") lines.pop();
    const at = whole ? lines.length : Math.min(text.line(), lines.length);
    const piece = block.replace(/\n$/, "").split("\n");
    if (whole && lines.length) piece.unshift("");
    lines.splice(at, 0, ...piece);
    text.write(`${lines.join("\n")}\n`);
    select.value = "";
    changed();
    text.go(at + piece.length);
  }

  // ── the plain field: suggestions and explanations by key ──
  field.addEventListener("input", changed);
  field.addEventListener("keydown", async (event) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      await suggest();
    } else if (event.key === "F1") {
      event.preventDefault();
      await explain();
    }
  });

  function place() {
    const before = field.value.slice(0, field.selectionStart).split("\n");
    return { path, line: before.length - 1, character: before.at(-1).length };
  }

  const offers = document.getElementById("offers");
  async function suggest() {
    await saved();
    const found = await ask("offers", place());
    const fitting = (found || []).filter((one) => {
      const written = field.value.split("\n")[one.range[0][0]].slice(one.range[0][1], one.range[1][1]);
      return one.label.toLowerCase().startsWith(written.toLowerCase());
    });
    const all = fitting.slice(0, 40).map((one) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "small quiet";
      button.textContent = one.label;
      button.title = one.detail || one.about || "";
      button.addEventListener("click", () => {
        const [[row, from], [, to]] = one.range;
        const lines = field.value.split("\n");
        const start = lines.slice(0, row).reduce((sum, line) => sum + line.length + 1, 0);
        field.setRangeText(one.insert || one.label, start + from, start + to, "end");
        offers.hidden = true;
        field.focus();
        changed();
      });
      return button;
    });
    offers.replaceChildren(...(all.length ? all : ["Nothing fits here."]));
    offers.hidden = false;
    offers.querySelector("button")?.focus();
  }

  async function explain() {
    await saved();
    const found = await ask("about", place());
    offers.replaceChildren(...told(found ? found.text : "There is nothing to say about this place."));
    offers.hidden = false;
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && offers && !offers.hidden) {
      offers.hidden = true;
      field.focus();
    }
  });

  form.addEventListener("submit", () => { form.elements.text.value = text.read(); });
  if (Number(page.dataset.line)) text.go(Number(page.dataset.line));
  point();
})();
