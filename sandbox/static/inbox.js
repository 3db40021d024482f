// The inbox: what customers were sent, as a mail program shows it, and what it does with "unsubscribe".
import { ask, element, onSummary, settings, toast } from "./shop.js";

const page = document.getElementById("page");
const list = element("ul", { className: "inbox__list" });
const reader = element("article", { className: "card inbox__mail" });
const day = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false };
const short = (text) => new Date(text).toLocaleString("en-GB", day);
let chosen = null;
let newest = null;

function entry(mail) {
  const open = () => show(mail);
  const button = element("button", { type: "button", className: "inbox__entry", onclick: open },
    element("strong", {}, mail.subject || "(no subject)"),
    element("span", {}, `to ${mail.to}`),
    element("time", {}, short(mail.at)));
  if (mail.id === chosen) button.setAttribute("aria-current", "true");
  return element("li", {}, button);
}

function show(mail) {
  chosen = mail.id;
  const headers = mail.headers.map(([name, value]) => element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)));
  const top = element("div", { className: "inbox__top" },
    element("h2", {}, mail.subject || "(no subject)"),
    element("p", { className: "quiet" }, `${mail.from} → ${mail.to}, ${short(mail.at)}`));
  if (mail.unsubscribe_url) {
    const page = element("a", { href: mail.unsubscribe_url, target: "_blank", rel: "noopener", className: "button button--small" }, "What may be chosen");
    const click = element("button", { type: "button", className: "button button--small", onclick: () => unsubscribe(mail) }, "Unsubscribe by one click");
    top.append(element("div", { className: "buttons" }, click, page));
  }
  const look = element("iframe", { title: "The mail as it looks", className: "inbox__look", src: `/sandbox/mails/${mail.id}/html` });
  look.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  reader.replaceChildren(top,
    mail.has_html ? look : element("p", { className: "quiet" }, "This mail has no HTML."),
    element("details", {}, element("summary", {}, "As text"), element("pre", {}, mail.text)),
    element("details", {}, element("summary", {}, "Headers"), element("table", {}, element("tbody", {}, ...headers))));
  for (const button of list.querySelectorAll("button")) button.removeAttribute("aria-current");
  update();
}

async function unsubscribe(mail) {
  try {
    const { status } = await ask(`mails/${mail.id}/unsubscribe`, {});
    toast(status < 300 ? "The app was told that such mails are not wanted." : `The app answered ${status}.`, status >= 300);
  } catch (error) {
    toast(error.message, true);
  }
}

async function update() {
  const { mails, port } = await ask("mails?limit=60");
  if (!mails.length) {
    const sentence = port ? "No mail yet. Place an order on the right: its cashback is told by mail." : "This sandbox was started without a mail server.";
    page.replaceChildren(element("p", { className: "quiet card" }, sentence));
    return;
  }
  list.replaceChildren(...mails.map(entry));
  if (!page.contains(list)) page.replaceChildren(element("div", { className: "inbox" }, list, reader));
  if (chosen === null || (newest === chosen && mails[0].id !== newest)) {
    newest = mails[0].id;
    show(mails[0]);
  }
  newest = mails[0].id;
}

document.title = `Customers' inbox · ${settings.shop}`;
onSummary(update);
