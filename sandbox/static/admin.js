// The admin around the app's frame: hands out session tokens, shows the app's navigation, title and toasts.
import { ask, settings, toast } from "./shop.js";

const frame = document.getElementById("app");
const subnav = document.getElementById("app-nav");
const appOrigin = new URL(settings.appUrl).origin;
const base = `/store/${settings.handle}/apps/boomerang`;
let place = settings.path || "/";

async function open(path) {
  try {
    const { url } = await ask(`frame-url?shop=${settings.shop}&path=${encodeURIComponent(path)}`);
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

const handlers = {
  async token(message) {
    const reply = (content) => frame.contentWindow.postMessage({ from: "sandbox-admin", ...content }, appOrigin);
    try {
      const { token } = await ask("session-token", { shop: settings.shop });
      reply({ ticket: message.ticket, token });
    } catch (error) {
      reply({ ticket: message.ticket, error: error.message });
    }
  },
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
  open(link.dataset.appPath);
});

open(place);
