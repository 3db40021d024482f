// A stand-in for Shopify's App Bridge, served by the sandbox and loaded as the first script of every
// document of the app. It talks to the admin around the frame (admin.js) by messages.
(() => {
  "use strict";

  const ADMIN = new URL(document.currentScript.src).origin;
  const FRAMED = window.parent !== window;
  const ONE_TIME = ["id_token", "hmac", "session", "timestamp", "bounced"];
  const RETRY = "X-Shopify-Retry-Invalid-Session-Request";
  const query = new URLSearchParams(location.search);
  const KEPT = ["shop", "host", "locale"];
  const waiting = new Map();
  let ticket = 0;

  // A plain link inside the app drops what the admin had put into the address; remember it for this frame.
  for (const name of KEPT) {
    if (query.get(name)) sessionStorage.setItem(`app-bridge-${name}`, query.get(name));
    else if (sessionStorage.getItem(`app-bridge-${name}`)) query.set(name, sessionStorage.getItem(`app-bridge-${name}`));
  }

  // --- Messages ---------------------------------------------------------------------------------------------

  function tell(type, content = {}) {
    if (FRAMED) window.parent.postMessage({ from: "app-bridge", type, ...content }, ADMIN);
  }

  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || event.origin !== ADMIN || event.data?.from !== "sandbox-admin") return;
    if (event.data.act) return finish(event.data.act);
    const answer = waiting.get(event.data.ticket);
    waiting.delete(event.data.ticket);
    if (answer) event.data.error ? answer.reject(new Error(event.data.error)) : answer.resolve(event.data.answer);
  });

  function request(type, content = {}) {
    if (!FRAMED) return Promise.reject(new Error("Open the app in the sandbox's admin first."));
    return new Promise((resolve, reject) => {
      ticket += 1;
      waiting.set(ticket, { resolve, reject });
      tell(type, { ticket, ...content });
    });
  }

  const idToken = () => request("token");

  // --- Requests carry a fresh session token -------------------------------------------------------------------

  const plainFetch = window.fetch.bind(window);

  async function send(request) {
    const own = new Request(request);
    own.headers.set("Authorization", `Bearer ${await idToken()}`);
    return plainFetch(own);
  }

  window.fetch = async (input, init) => {
    const request = new Request(input, init);
    const foreign = new URL(request.url).origin !== location.origin;
    if (!FRAMED || foreign || request.headers.has("Authorization")) return plainFetch(request);
    const again = request.clone();
    const response = await send(request);
    return response.status === 401 && response.headers.get(RETRY) === "1" ? send(again) : response;
  };

  // --- The bounce page ----------------------------------------------------------------------------------------

  async function bounce(path) {
    const target = new URL(path, location.origin);
    if (target.origin !== location.origin) return;
    if (!FRAMED) {
      const handle = (query.get("shop") || "").split(".")[0];
      location.replace(handle ? `${ADMIN}/store/${handle}/apps/boomerang${target.pathname}` : ADMIN);
      return;
    }
    target.searchParams.set("embedded", "1");
    for (const name of KEPT) {
      if (query.get(name) && !target.searchParams.get(name)) target.searchParams.set(name, query.get(name));
    }
    target.searchParams.set("id_token", await idToken());
    location.replace(target);
  }

  if (query.has("shopify-reload")) {
    bounce(query.get("shopify-reload"));
    return;
  }

  // --- What apps call ------------------------------------------------------------------------------------------

  let toasts = 0;
  window.shopify = {
    config: {
      apiKey: document.querySelector('meta[name="shopify-api-key"]')?.content ?? "",
      host: query.get("host") ?? "",
      locale: query.get("locale") ?? "en",
      shop: query.get("shop") ?? "",
    },
    environment: { embedded: FRAMED, mobile: false, pos: false },
    idToken,
    ready: Promise.resolve(),
    scopes: {
      query: () => request("scopes", { act: "query" }),
      request: (scopes) => request("scopes", { act: "request", scopes }),
      revoke: (scopes) => request("scopes", { act: "revoke", scopes }),
    },
    resourcePicker: (options) => request("pick", { options }),
    loading: (on = true) => tell("loading", { on }),
    toast: {
      show(message, options = {}) {
        toasts += 1;
        tell("toast", { message: String(message), isError: Boolean(options.isError), duration: options.duration });
        return `toast-${toasts}`;
      },
      hide() {},
    },
  };

  // --- Forms with unsaved changes have a bar in the admin --------------------------------------------------------

  let unsaved = null;

  function setUnsaved(form) {
    if (form === unsaved) return;
    unsaved = form;
    tell("save-bar", { on: form !== null });
  }

  function finish(act) {
    if (act === "save") unsaved?.requestSubmit();
    else unsaved?.reset();
  }

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      const form = (event.target.form ?? event.target).closest("form[data-save-bar]");
      if (form) setUnsaved(form);
    });
  }
  for (const kind of ["submit", "reset"]) {
    document.addEventListener(kind, (event) => event.target === unsaved && setUnsaved(null), true);
  }
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[href]");
    if (!FRAMED || !unsaved || !link || link.getAttribute("href").startsWith("#")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!(await request("leave"))) return;
    setUnsaved(null);
    link.click();
  }, true);

  // --- Address, title and navigation are shown by the admin ----------------------------------------------------

  function tellPlace() {
    const place = new URL(location.href);
    for (const name of [...ONE_TIME, "shop", "host", "embedded", "locale"]) place.searchParams.delete(name);
    tell("place", { path: place.pathname + place.search, title: document.title });
  }

  for (const name of ["pushState", "replaceState"]) {
    const plain = history[name].bind(history);
    history[name] = (...parts) => {
      plain(...parts);
      tellPlace();
    };
  }
  window.addEventListener("popstate", tellPlace);
  window.addEventListener("pageshow", tellPlace);

  let shownNav = "";
  function tellNav() {
    const nav = document.querySelector("s-app-nav, ui-nav-menu");
    if (!nav) return;
    nav.style.display = "none";
    const links = [...nav.querySelectorAll("s-link, a")]
      .filter((link) => link.getAttribute("href") && link.getAttribute("rel") !== "home")
      .map((link) => ({ href: link.getAttribute("href"), text: link.textContent.trim() }));
    if (JSON.stringify(links) === shownNav) return;
    shownNav = JSON.stringify(links);
    tell("nav", { links });
  }

  let shownTitle = "";
  function look() {
    tellNav();
    if (unsaved && !unsaved.isConnected) setUnsaved(null);
    if (document.title !== shownTitle) {
      shownTitle = document.title;
      tellPlace();
    }
  }

  new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
  document.addEventListener("DOMContentLoaded", look);
})();
