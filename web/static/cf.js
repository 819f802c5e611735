// Page views, downloads, videos and events of the company's own pages, sent to Coldframe with the visitor's consent.
// Served without comments and blanks; docs/web.md says how to use it. No library, no fingerprint.
((w, d) => {
  const me = d.currentScript, base = new URL(me.src).origin, l = location, n = navigator;
  const free = me.dataset.consent === "not-needed", off = n.globalPrivacyControl || n.doNotTrack === "1";
  const ext = /\.(pdf|zip|docx?|xlsx?|pptx?|csv|epub|dmg|exe|mp[34])$/i;
  const tags = ["gclid", "msclkid", ..."source medium campaign term content".split(" ").map((k) => "utm_" + k)];
  let last, path, from = d.referrer;

  const mem = (store, key, value) => {
    try {
      const s = w[store + "Storage"], name = "cf_" + key;
      return value == null ? s[name] : (s[name] = value);
    } catch (e) {}
  };
  const on = (what, then, at = d) => at.addEventListener(what, then, true);
  const may = () => !off && (free || mem("local", "consent") === "1");
  const send = (body) => fetch(base + "/t", {
    method: "POST", body: JSON.stringify(body), keepalive: true, credentials: "include"
  }).then((r) => (r.status === 422 && r.text().then((t) => console.warn("cf", t)), r.ok), () => false);
  const tell = async (kind, name, data) =>
    may() && send({ consent: true, kind, url: l.href, title: d.title, referrer: from, name, data });

  // A place within a page (#prices) is no other page; a route behind # (#/prices) is, and so is another path.
  const page = (t) => {
    const at = l.href.replace(/#(?![/!]).*/, ""), was = path;
    if (at === last || !may()) return;
    path = at.split("?")[0];
    if (t && path === was) return void (last = at);
    from = last || from;
    last = at;
    if (!mem("session", "landing")) {
      mem("session", "landing", last);
      mem("session", "referrer", from);
    }
    tell("page");
  };
  const fill = (form) => {
    const got = (key) => may() && mem("session", key);
    const put = {
      cf_page: l.href, cf_landing: got("landing") || l.href, cf_referrer: got("referrer") || d.referrer
    };
    const own = form.action.startsWith(base + "/f/"), all = form.elements;
    const q = new URL(put.cf_landing).searchParams;
    for (const k of tags) put[k] = q.get(k) || "";
    for (const k in put) {
      let at = all[k];
      if (!at && own && k[2] === "_") {
        at = d.createElement("input");
        at.type = "hidden";
        at.name = k;
        form.append(at);
      }
      if (at && at.type === "hidden") at.value = put[k];
    }
  };
  const show = (box) => {
    const it = d.createElement("iframe"), k = box.dataset.coldframeForm, code = encodeURIComponent;
    it.src = `${base}/f/${code(k)}?embed=1&cf_page=${code(l.href)}`;
    it.title = box.title || k;
    it.style = "width:100%;border:0;height:420px";
    on("message", (e) => {
      if (e.source === it.contentWindow && e.origin === base && e.data.coldframe)
        it.style.height = e.data.coldframe + "px";
    }, w);
    box.replaceChildren(it);
  };
  on("click", ({ target: at }) => {
    const a = at.closest && at.closest("a[href]");
    if (!a || !/^http/.test(a.protocol)) return;
    if (a.hasAttribute("download") || ext.test(a.pathname)) tell("download", a.href);
    else if (a.host !== l.host) tell("outbound", a.href);
  });
  on("submit", (e) => fill(e.target));
  on("ended", ({ target: at }) => tell("video", at.title || at.currentSrc));
  for (const k of ["pushState", "replaceState"]) {
    const did = history[k];
    history[k] = function (...all) {
      did.apply(this, all);
      setTimeout(page, 0, k[0] === "r");
    };
  }
  on("popstate", () => page(), w);

  const q = (w.coldframe && w.coldframe.q) || [];
  w.coldframe = (what, a, b) => {
    if (what === "event") return tell("event", a, b);
    if (what === "consent") {
      mem("local", "consent", a ? "1" : "0");
      if (a) page(); else send({ consent: false, url: l.href });
    }
  };
  for (const call of q) w.coldframe(...call);
  const go = () => {
    for (const form of d.forms) fill(form);
    d.querySelectorAll("[data-coldframe-form]").forEach(show);
    page();
  };
  d.readyState === "loading" ? on("DOMContentLoaded", go) : go();
})(window, document);
