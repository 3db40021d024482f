// What HTML and htmx cannot do by themselves: keys, dialogs, toasts, and errors that never reach the page.
"use strict";
(() => {
  const ONE_TIME = ["id_token", "hmac", "session", "timestamp", "bounced"];
  // What is said without asking the server, in the language of the page.
  const words = document.querySelector("#news").dataset;
  const byId = (id) => document.getElementById(id);
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");

  // What proved who we are was good for one load; a reload must not try it again.
  function cleanAddress() {
    const url = new URL(location.href);
    ONE_TIME.forEach((name) => url.searchParams.delete(name));
    if (url.href !== location.href) history.replaceState(history.state || { htmx: true }, "", url);
  }

  // --- Toasts -------------------------------------------------------------------------------------------
  let quiet;
  function toast(message, isError) {
    const news = byId("news");
    const shown = typeof window.shopify?.toast?.show === "function";
    if (shown) window.shopify.toast.show(message, { isError: Boolean(isError) });
    // Said to screen readers in any case; seen only where Shopify's own toast is not there.
    news.className = "news" + (shown ? " is-quiet" : "") + (isError ? " is-error" : "");
    news.textContent = message;
    clearTimeout(quiet);
    quiet = setTimeout(() => { news.textContent = ""; }, 6000);
  }
  document.addEventListener("boomerang:toast", (event) => toast(event.detail.message, event.detail.isError));

  // --- Errors -------------------------------------------------------------------------------------------
  // Our own error pages and refused forms are HTML made for the page; anything else must not be swapped in.
  // A page that renews itself while a transfer is under way fails silently; the next time may do better.
  const isLive = (ctx) => Boolean(ctx?.sourceElement?.matches?.("[data-live]"));
  document.addEventListener("htmx:after:request", (event) => {
    const { response, request } = event.detail.ctx;
    if (isLive(event.detail.ctx) && response.status !== 200) return event.preventDefault();
    const isOurs = (response.headers.get("Content-Type") || "").startsWith("text/html");
    if (response.status === 401) {
      event.preventDefault();
      toast(words.ended, true);
      setTimeout(() => location.reload(), 600);
    } else if (!isOurs || (response.status >= 500 && !event.detail.ctx.text.includes('id="page"'))) {
      event.preventDefault();
      toast(words.failed, true);
    } else if (response.status >= 400 && event.detail.ctx.text.includes("data-error")) {
      // A whole page that says what is wrong, whatever part of the page had asked.
      Object.assign(event.detail.ctx, { target: byId("page"), select: "#page", swap: "outerHTML" });
      if (request.method !== "GET") event.detail.ctx.push = "false";
    }
  });
  document.addEventListener("htmx:error", (event) => {
    const { ctx, error } = event.detail;
    const overtaken = error?.name === "AbortError" && ctx?.request?.headers?.["HX-History-Restore-Request"];
    if (ctx && !overtaken && !isLive(ctx)) toast(words.silent, true);
  });

  // --- Dialogs ------------------------------------------------------------------------------------------
  // One dialog serves every row; what was typed stays until another row is decided about.
  function aim(form, row, verb) {
    const path = `${row.dataset.path ?? row.dataset.reject.slice(0, -7)}/${verb}`;
    if (form.dataset.aimed !== path) {
      form.reset();
      if (form.elements.amount) form.elements.amount.value = row.dataset.amount;
    }
    form.dataset.aimed = path;
    form.setAttribute("hx-post", path);
    form.setAttribute("action", path);
    if (row.id) form.setAttribute("hx-target", "#" + row.id);
    form.elements.seen_version.value = row.dataset.version;
    form.querySelector("[data-name]").textContent = row.dataset.name;
  }
  function openDialog(id, opener) {
    const dialog = byId(id);
    if (!dialog || dialog.open) return;
    const row = opener?.closest("[data-row]");
    const form = dialog.querySelector("form[hx-post*='/reviews/']");
    if (row && form) aim(form, row, form.dataset.verb ?? id);
    dialog.showModal();
  }
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) openDialog(opener.dataset.opens, opener);
    const closer = event.target.closest("[data-closes]");
    if (closer) closer.closest("dialog").close();
    const adder = event.target.closest("[data-adds]");
    if (adder) addItem(adder.dataset.adds);
    event.target.closest("[data-removes]")?.closest("[data-item]").remove();
  });
  function addItem(list) {
    byId(list).append(byId(`new-${list}`).content.cloneNode(true));
    byId(list).lastElementChild.querySelector("input").focus();
  }

  // --- Files: only a request made by a script carries the proof of who we are -------------------------------
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-download]");
    if (!form) return;
    event.preventDefault();
    event.stopPropagation();
    try {
      const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
      if (!answer.ok) throw new Error(answer.statusText);
      const link = Object.assign(document.createElement("a"), { download: form.dataset.download });
      link.href = URL.createObjectURL(await answer.blob());
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch {
      toast(words.file, true);
    }
  }, true);

  // --- Permissions: Shopify asks the person itself -----------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const asker = event.target.closest("[data-asks-scopes]");
    if (!asker) return;
    if (!window.shopify?.scopes) return toast(words.outside, true);
    try {
      const { result } = await window.shopify.scopes.request(asker.dataset.asksScopes.split(" "));
      if (result === "granted-all") byId("look-at-permissions").requestSubmit();
      else toast(words.refused);
    } catch {
      toast(words.undeclared, true);
    }
  });

  // --- The queue: where the focus goes when a row leaves or changes ---------------------------------------
  let place = null;
  document.addEventListener("htmx:before:swap", (event) => {
    const row = event.detail.ctx.target?.closest?.("[data-queue] [data-row]");
    place = row ? { index: rows().indexOf(row), id: row.id } : null;
    const dialog = event.detail.ctx.sourceElement?.closest?.("dialog");
    if (dialog?.open) dialog.close();
  });
  // Decided about, on to the next one; what was refused is looked at again.
  function goOn({ index, id }) {
    const left = rows(), same = byId(id);
    if (!left.length) return htmx.ajax("GET", location.pathname + location.search, { target: "#page", select: "#page", swap: "outerHTML" });
    const next = same && !same.querySelector("[role=alert]") ? index + 1 : index;
    left[Math.min(next, left.length - 1)].focus();
  }
  document.addEventListener("htmx:after:swap", (event) => {
    if (place) {
      goOn(place);
      place = null;
    } else {
      const wanted = document.querySelector("[data-focus]");
      if (wanted) wanted.removeAttribute("data-focus");
      const lost = document.activeElement === document.body && !isLive(event.detail.ctx);
      (wanted || (lost && (byId("problem") || byId("page"))) || null)?.focus({ preventScroll: !wanted });
    }
    if (event.detail.ctx.request?.method !== "GET") document.querySelector("[role=alert]")?.scrollIntoView({ block: "nearest" });
  });

  // --- Keys ---------------------------------------------------------------------------------------------
  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement.closest("[data-row]"));
    all[at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1)].focus();
  }
  function press(key) {
    // What is selected is decided about together (51-review.js).
    const many = document.querySelector(`#bulk:not([hidden]) [data-key="${key}"]`);
    if (many) return many.click();
    const row = document.activeElement.closest("[data-row]") || (byId("page")?.dataset.room === "order" ? rows()[0] : null);
    row?.querySelector(`[data-key="${key}"]`)?.click();
  }
  const openRow = () => document.activeElement.closest("[data-row]")?.querySelector("[data-opens-row]")?.click();
  const KEYS = {
    j: () => move(1),
    k: () => move(-1),
    o: openRow,
    a: () => press("a"),
    r: () => press("r"),
    h: () => press("h"),
    e: () => press("e"),
    x: () => press("x"),
    u: () => document.querySelector("#page [data-key=u]")?.click(),
    "/": () => (byId("search") ? byId("search").focus() : htmx.ajax("GET", "/orders", { target: "#page", select: "#page", swap: "outerHTML", push: "true" })),
    "?": () => openDialog("keys"),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const onRow = event.key === "Enter" && event.target.matches("[data-row]");
    const act = onRow ? openRow : Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
    if (!act) return;
    event.preventDefault();
    act();
  });

  // --- Filters: choosing a status searches at once --------------------------------------------------------
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-autosubmit] select")) event.target.form.requestSubmit();
  });

  cleanAddress();
})();
