// Page views, downloads, videos and events of the company's own pages, sent to Coldframe with the visitor's consent.
// Served without comments and blanks; docs/web.md says how to use it. No library, no fingerprint.
((w, d) => {
  const me = d.currentScript, base = new URL(me.src).origin, l = location, n = navigator;
  const free = me.dataset.consent === "not-needed", off = n.globalPrivacyControl || n.doNotTrack === "1";
  const files = /\.(pdf|zip|docx?|xlsx?|pptx?|csv|epub|dmg|exe|mp[34])$/i;
  const params = ["gclid", "msclkid", ..."source medium campaign term content".split(" ").map((name) => "utm_" + name)];
  let last, from = d.referrer;

  const kept = (store, key, value) => {
    try {
      const s = w[store + "Storage"], name = "cf_" + key;
      return value == null ? s[name] : (s[name] = value);
    } catch (e) {}
  };
  const may = () => !off && (free || kept("local", "consent") === "1");
  const send = (body) => fetch(base + "/t", {
    method: "POST", body: JSON.stringify(body), keepalive: true, credentials: "include"
  }).then((r) => (r.status === 422 && r.text().then((t) => console.warn("cf", t)), r.ok), () => false);
  const tell = async (kind, name, data) =>
    may() && send({ consent: true, kind, url: l.href, title: d.title, referrer: from, name, data });

  const page = () => {
    if (l.href === last || !may()) return;
    from = last || from;
    last = l.href;
    if (!kept("session", "landing")) {
      kept("session", "landing", last);
      kept("session", "referrer", from);
    }
    tell("page");
  };
  const fill = (form) => {
    const stored = (key) => may() && kept("session", key);
    const put = {
      cf_page: l.href, cf_landing: stored("landing") || l.href, cf_referrer: stored("referrer") || d.referrer
    };
    const own = form.action.startsWith(base + "/f/"), fields = form.elements;
    const query = new URL(put.cf_landing).searchParams;
    for (const name of params) put[name] = query.get(name) || "";
    for (const name in put) {
      let field = fields[name];
      if (!field && own && name[2] === "_") {
        field = d.createElement("input");
        field.type = "hidden";
        field.name = name;
        form.append(field);
      }
      if (field && field.type === "hidden") field.value = put[name];
    }
  };
  const embed = (box) => {
    const it = d.createElement("iframe"), name = box.dataset.coldframeForm, code = encodeURIComponent;
    it.src = `${base}/f/${code(name)}?embed=1&cf_page=${code(l.href)}`;
    it.title = box.title || name;
    it.style = "width:100%;border:0;height:420px";
    w.addEventListener("message", (e) => {
      if (e.source === it.contentWindow && e.origin === base && e.data.coldframe)
        it.style.height = e.data.coldframe + "px";
    });
    box.replaceChildren(it);
  };
  const on = (what, then) => d.addEventListener(what, (e) => then(e.target), true);
  on("click", (at) => {
    const a = at.closest && at.closest("a[href]");
    if (!a || !/^http/.test(a.protocol)) return;
    if (files.test(a.pathname)) tell("download", a.href);
    else if (a.host !== l.host) tell("outbound", a.href);
  });
  on("submit", fill);
  on("ended", (at) => tell("video", at.title || at.currentSrc));
  for (const name of ["pushState", "replaceState"]) {
    const was = history[name];
    history[name] = function (...all) {
      was.apply(this, all);
      setTimeout(page);
    };
  }
  w.addEventListener("popstate", page);

  const early = (w.coldframe && w.coldframe.q) || [];
  w.coldframe = (what, a, b) => {
    if (what === "event") return tell("event", a, b);
    if (what === "consent") {
      kept("local", "consent", a ? "1" : "0");
      if (a) page(); else send({ consent: false, url: l.href });
    }
  };
  for (const call of early) w.coldframe(...call);
  const ready = () => {
    for (const form of d.forms) fill(form);
    d.querySelectorAll("[data-coldframe-form]").forEach(embed);
    page();
  };
  d.readyState === "loading" ? d.addEventListener("DOMContentLoaded", ready) : ready();
})(window, document);
