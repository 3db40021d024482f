// The admin around the app's frame: hands out session tokens, shows the app's navigation, title and toasts.
import { mayLeave, pick, showSaveBar } from "./picker.js";
import { ask, element, settings, toast } from "./shop.js";

const frame = document.getElementById("app");
const subnav = document.getElementById("app-nav");
const appOrigin = new URL(settings.appUrl).origin;
const base = `/store/${settings.handle}/apps/boomerang`;
let place = settings.path || "/";

// Who looks at the app. Kept by this browser, so that two windows with their own storage are two people.
const staff = document.getElementById("staff");
const known = localStorage.getItem("sandbox-staff");
if ([...staff.options].some((option) => option.value === known)) staff.value = known;
staff.addEventListener("change", () => {
  localStorage.setItem("sandbox-staff", staff.value);
  open(place);
});

async function open(path) {
  try {
    const { url } = await ask(`frame-url?shop=${settings.shop}&path=${encodeURIComponent(path)}&staff=${staff.value}`);
    frame.src = url;
  } catch (error) {
    toast(error.message, true);
  }
}

function markPlace() {
  const path = place.split("?")[0];
  const links = [...subnav.querySelectorAll("a")];
  const fitting = links.filter((link) => path === link.dataset.appPath || path.startsWith(`${link.dataset.appPath}/`));
  for (const link of links) link.removeAttribute("aria-current");
  fitting.sort((a, b) => b.dataset.appPath.length - a.dataset.appPath.length)[0]?.setAttribute("aria-current", "page");
}

async function reply(message, work) {
  const send = (content) => frame.contentWindow.postMessage({ from: "sandbox-admin", ticket: message.ticket, ...content }, appOrigin);
  try {
    send({ answer: await work() });
  } catch (error) {
    send({ error: error.message });
  }
}

/** Ask the person whether the app may have more; resolves to whether it may. */
function agree(scopes) {
  return new Promise((resolve) => {
    const list = element("ul", {}, ...scopes.map((scope) => element("li", {}, scope)));
    const button = (label, value, kind) => element("button", { className: kind, value }, label);
    const form = element("form", { method: "dialog" },
      element("h3", {}, "Boomerang asks for more permissions"), list,
      element("div", { className: "pair" },
        button("Allow", "allow", "button button--main"), button("Decline", "decline", "button")));
    const dialog = element("dialog", { className: "card", id: "scopes" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "allow");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const scopeActs = {
  query: () => ask(`scopes?shop=${settings.shop}`),
  async request(scopes) {
    const detail = await scopeActs.query();
    const unknown = scopes.find((scope) => !detail.optional.includes(scope) && !detail.required.includes(scope));
    if (unknown) throw new Error(`${unknown} is declared neither as required nor as optional.`);
    const missing = scopes.filter((scope) => !detail.granted.includes(scope));
    if (missing.length && !(await agree(missing))) return { result: "declined-all", detail };
    return { result: "granted-all", detail: missing.length ? await ask("scopes", { grant: missing }) : detail };
  },
  revoke: async (scopes) => ({ detail: await ask("scopes", { revoke: scopes }) }),
};

const handlers = {
  token: (message) => reply(message, async () => (await ask("session-token", { shop: settings.shop, staff_id: staff.value })).token),
  scopes: (message) => reply(message, () => scopeActs[message.act](message.scopes)),
  pick: (message) => reply(message, () => pick(message.options)),
  leave: (message) => reply(message, async () => mayLeave()),
  "save-bar": (message) => showSaveBar(message.on, (act) => {
    frame.contentWindow.postMessage({ from: "sandbox-admin", act }, appOrigin);
  }),
  toast: (message) => toast(message.message, message.isError, message.duration),
  place(message) {
    place = message.path;
    const address = place === "/" ? base : base + place;
    if (location.pathname + location.search !== address) history.replaceState(null, "", address);
    document.title = `${message.title || "Boomerang"} · Sandbox`;
    markPlace();
  },
  nav(message) {
    const items = message.links.map((link) => {
      const item = document.createElement("li");
      const anchor = document.createElement("a");
      anchor.href = base + link.href;
      anchor.dataset.appPath = link.href;
      anchor.textContent = link.text;
      item.append(anchor);
      return item;
    });
    subnav.replaceChildren(...items);
    markPlace();
  },
};

window.addEventListener("message", (event) => {
  if (event.source !== frame.contentWindow || event.origin !== appOrigin) return;
  if (event.data?.from === "app-bridge") handlers[event.data.type]?.(event.data);
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-app-path]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (!mayLeave()) return;
  showSaveBar(false);
  open(link.dataset.appPath);
});

open(place);
