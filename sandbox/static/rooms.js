// The sandbox's own pages: orders, customers, webhooks, faults.
import { act, appLink, ask, badge, element, onSummary, orderButtons, refresh, settings, toast } from "./shop.js";

const page = document.getElementById("page");
const day = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false };
const short = (text) => new Date(text).toLocaleString("en-GB", day);
const exact = (text) => new Date(text).toLocaleTimeString("en-GB");

const NUMBERS = ["Total", "Orders", "Store credit", "Tries", "Took"];

function table(heads, rows, empty) {
  if (!rows.length) return element("p", { className: "quiet card" }, empty);
  const head = element("tr", {}, ...heads.map((text) =>
    element("th", { scope: "col", className: NUMBERS.includes(text) ? "number" : "" }, text)));
  return element("div", { className: "card card--table" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

function row(...cells) {
  return element("tr", {}, ...cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : element("td", {}, cell ?? ""))));
}

function still(text) {
  return element("td", { className: "still" }, text);
}

function number(text) {
  return element("td", { className: "number" }, text);
}

function orders(summary) {
  const rows = summary.orders.map((order) =>
    row(
      appLink(order),
      still(short(order.at)),
      order.customer || "Guest",
      element("td", { className: "wide" }, order.lines.map((line) => `${line.kept} × ${line.title}`).join(", ")),
      number(`${order.total} ${order.currency}`),
      badge(order.status),
      element("div", { className: "buttons" }, ...orderButtons(order), refundAll(order)),
    ),
  );
  return table(["Order", "Placed", "Customer", "Kept", "Total", "Payment", ""], rows, "No orders yet. Place one on the right.");
}

function refundAll(order) {
  if (!order.can_refund || order.lines.reduce((pieces, line) => pieces + line.kept, 0) < 2) return null;
  const lines = order.lines.map((line, index) => ({ index, quantity: line.kept })).filter((line) => line.quantity);
  const run = () => act(order, "refund", { lines }, "is refunded whole");
  return element("button", { type: "button", className: "button button--small", onclick: run }, "Refund all");
}

function customers(summary) {
  const rows = summary.customers.map((customer) => {
    const cell = element("td", {});
    const show = async () => cell.replaceChildren(await creditOf(customer));
    const button = element("button", { type: "button", className: "button button--small", onclick: show }, "Show");
    cell.append(customer.credit.length ? button : "");
    return row(element("strong", {}, customer.name), customer.email, number(customer.orders), number(customer.credit.join(", ") || "—"), cell);
  });
  return table(["Customer", "Mail", "Orders", "Store credit", "Movements"], rows, "No customers yet: they come with their first order.");
}

async function creditOf(customer) {
  const { accounts } = await ask(`customers/${customer.id}/store-credit?shop=${settings.shop}`);
  const items = accounts.flatMap((account) =>
    account.transactions
      .slice(-8)
      .reverse()
      .map((entry) => element("li", {}, `${entry.amount} ${account.currency} ${entry.type.replace("_", " ")}, ${short(entry.created_at)}`)),
  );
  return element("ul", { className: "movements" }, ...items);
}

function deliveryRow(delivery) {
  const pretty = () => {
    try {
      return JSON.stringify(JSON.parse(delivery.body), null, 2);
    } catch {
      return delivery.body;
    }
  };
  const body = element("details", {}, element("summary", {}, "Body"), element("pre", {}));
  body.addEventListener("toggle", () => (body.querySelector("pre").textContent = pretty()), { once: true });
  const outcome = delivery.http_status ?? delivery.error ?? "";
  return row(delivery.topic, badge(delivery.status), `${outcome}`, number(delivery.attempts), number(delivery.duration_ms === null ? "" : `${delivery.duration_ms} ms`), exact(delivery.created_at), body);
}

async function deliveries() {
  const { deliveries: found } = await ask("deliveries?limit=60");
  return table(["Topic", "State", "Answer", "Tries", "Took", "Sent", ""], found.map(deliveryRow), "Nothing has been sent yet.");
}

const FAULTS = [
  ["duplicate", "Webhooks come twice", "Share of deliveries sent a second time, with the same id."],
  ["reorder", "Webhooks overtake each other", "Share of deliveries held back for up to half a second."],
  ["drop", "Webhooks get lost at first", "Share of deliveries that only arrive by the retry."],
  ["lose", "Webhooks never come", "Share of deliveries that are lost for ever."],
  ["throttled", "Too many calls", "Share of API calls answered THROTTLED: nothing is executed."],
  ["http_5xx", "Server errors", "Share of API calls answered 502: nothing is executed."],
  ["timeout", "No answer, nothing done", "Share of API calls that hang and then end without an answer."],
  ["hang_after_commit", "No answer, but done", "Share of credits and debits that are booked, and never answered."],
  ["drop_before_commit", "Connection lost, nothing done", "Share of credits and debits lost before they are booked."],
  ["late_commit", "Done late", "Share of credits and debits that are booked only after the caller has given up."],
];

async function faults() {
  const now = await ask("faults");
  const form = element("form", { className: "card faults" });
  for (const [name, title, text] of FAULTS) {
    const input = element("input", { type: "range", name, min: 0, max: 1, step: 0.05, value: now[name] });
    const shown = element("output", {}, `${Math.round(now[name] * 100)} %`);
    input.addEventListener("input", () => (shown.textContent = `${Math.round(input.value * 100)} %`));
    form.append(element("label", {}, element("strong", {}, title), element("small", {}, text), input, shown));
  }
  const seconds = element("input", { type: "number", name: "seconds", min: 0, max: 3600, value: now.seconds });
  form.append(element("label", {}, element("strong", {}, "A hang lasts, in seconds"), element("small", {}, "The app gives up earlier or later than that."), seconds));
  const off = element("button", { type: "button", className: "button", onclick: () => change({}, "All faults are off.") }, "Switch all off");
  form.append(element("div", { className: "buttons" }, element("button", { className: "button button--main" }, "Apply"), off));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries(FAULTS.map(([name]) => [name, Number(form.elements[name].value)]));
    change({ ...wanted, seconds: Number(seconds.value) }, "The faults are set.");
  });
  return form;
}

async function change(wanted, text) {
  try {
    await ask("faults", wanted);
    toast(text);
  } catch (error) {
    toast(error.message, true);
  }
  page.replaceChildren(await faults());
  refresh();
}

function busy() {
  return page.contains(document.activeElement) || page.querySelector("details[open], .movements");
}

if (settings.room === "faults") page.replaceChildren(await faults());
if (settings.room === "deliveries") onSummary(async () => busy() || page.replaceChildren(await deliveries()));
if (settings.room === "orders") onSummary((summary) => page.contains(document.activeElement) || page.replaceChildren(orders(summary)));
if (settings.room === "customers") onSummary((summary) => busy() || page.replaceChildren(customers(summary)));
