// What every page of the sandbox has: the panel that plays the customers, and how pages ask the sandbox.

export const settings = JSON.parse(document.getElementById("settings").textContent);
const listeners = [];
const orderForm = document.getElementById("order");
const wholeCurrency = new Intl.NumberFormat("en", { style: "currency", currency: settings.currency })
  .resolvedOptions().maximumFractionDigits === 0;

// On a phone the shop's navigation hides behind a button, and goes away again once somewhere was gone to.
const menu = document.getElementById("menu");
const nav = document.getElementById("nav");
function showMenu(isOpen) {
  nav.classList.toggle("nav--open", isOpen);
  menu.setAttribute("aria-expanded", String(isOpen));
}
menu.addEventListener("click", () => showMenu(menu.getAttribute("aria-expanded") === "false"));
nav.addEventListener("click", (event) => { if (event.target.closest("a")) showMenu(false); });

/** Ask the control API; with a body it is a POST. Throws an Error with the sandbox's sentence. */
export async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ shop: settings.shop, ...body }),
  };
  const response = await fetch(`/sandbox/${path}`, options);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error || `The sandbox answered ${response.status}.`);
  return answer;
}

/** Show a passing message. */
export function toast(text, isError = false, duration = 5000) {
  const box = element("div", { className: isError ? "toast toast--error" : "toast" }, text);
  document.getElementById("toasts").append(box);
  setTimeout(() => box.remove(), duration);
}

/** Make an element with properties and children; text is always text. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Call the function with every new summary of the shop. */
export function onSummary(listener) {
  listeners.push(listener);
}

/** Do one thing with an order (pay, refund, cancel) and say how it went. */
export async function act(order, verb, body, done) {
  try {
    await ask(`orders/${order.id}/${verb}`, body);
    toast(`${order.name} ${done}.`);
  } catch (error) {
    toast(error.message, true);
  }
  refresh();
}

/** The buttons that fit an order's state. */
export function orderButtons(order) {
  const button = (label, run) => element("button", { type: "button", className: "button button--small", onclick: run }, label);
  const firstKept = order.lines.findIndex((line) => line.kept > 0);
  return [
    order.can_pay ? button("Pay", () => act(order, "pay", {}, "is paid")) : null,
    order.can_refund
      ? button("Refund one", () => act(order, "refund", { lines: [{ index: firstKept, quantity: 1 }] }, "is refunded by one piece"))
      : null,
    order.can_cancel ? button("Cancel", () => act(order, "cancel", {}, "is cancelled, the money is back")) : null,
  ];
}

/** The order's name, leading to what the app knows about it. */
export function appLink(order) {
  const path = `/orders/${order.id}`;
  const link = element("a", { href: `/store/${settings.handle}/apps/boomerang${path}`, title: "See it in Boomerang" }, order.name);
  link.dataset.appPath = path;
  return element("strong", {}, link);
}

/** A status as a small label. */
export function badge(status) {
  return element("span", { className: `badge badge--${status}` }, status.replaceAll("_", " "));
}

function latestItem(order, credit) {
  return element(
    "li",
    {},
    element(
      "div",
      { className: "latest__top" },
      appLink(order),
      element("span", {}, `${order.total} ${order.currency}`),
      badge(order.status),
    ),
    element("div", { className: "latest__who" }, order.customer || "Guest", credit ? element("em", {}, ` credit ${credit}`) : null),
    element("div", { className: "buttons" }, ...orderButtons(order)),
  );
}

function showPanel(summary) {
  const credits = new Map(summary.customers.map((customer) => [customer.id, customer.credit.join(", ")]));
  const items = summary.orders.slice(0, 8).map((order) => latestItem(order, credits.get(order.customer_id)));
  const list = document.getElementById("latest");
  if (items.length) list.replaceChildren(...items);
  else list.replaceChildren(element("li", { className: "quiet" }, "No orders yet: place the first one above."));
  showPeople(summary.customers);
  showState(summary);
}

// Who has just bought stays chosen, also one who was new: known from the next refresh on.
let lastBuyer = null;

function showPeople(customers) {
  const select = orderForm.elements.who;
  const usual = select.options.length || !customers.length ? select.value || "new" : String(customers[0].id);
  const chosen = customers.some((one) => String(one.id) === lastBuyer) ? lastBuyer : usual;
  const options = customers.slice(0, 20).map((one) => new Option(one.credit.length ? `${one.name} (${one.credit[0]})` : one.name, one.id));
  const known = JSON.stringify(options.map((option) => [option.value, option.text]));
  if (select.dataset.known === known) return;
  select.dataset.known = known;
  select.replaceChildren(new Option("A new customer", "new"), new Option("A guest, without account", "guest"), ...options);
  select.value = [...select.options].some((option) => option.value === chosen) ? chosen : "new";
  if (select.value === lastBuyer) lastBuyer = null;
  showName();
}

function showName() {
  document.getElementById("new-name").hidden = orderForm.elements.who.value !== "new";
}

function showState(summary) {
  const history = summary.history;
  const parts = [];
  if (history.running) parts.push(`history: ${history.orders} of ${history.wanted} orders`);
  if (summary.waiting) parts.push(`${summary.waiting} webhooks on their way`);
  document.getElementById("state").textContent = parts.join(" · ");
  document.getElementById("faults-on").hidden = summary.faults_on.length === 0;
}

/** Fetch a new summary now. */
export async function refresh() {
  try {
    const summary = await ask(`summary?shop=${settings.shop}`);
    showPanel(summary);
    for (const listener of listeners) listener(summary);
  } catch {
    document.getElementById("state").textContent = "The sandbox does not answer.";
  }
}

function buyer(form) {
  const who = form.elements.who.value;
  if (who === "guest") return null;
  if (who !== "new") return { id: who };
  const [first, ...rest] = form.elements.name.value.trim().split(/\s+/);
  const email = `${[first, ...rest].join(".").toLowerCase().replace(/[^a-z0-9.]/g, "") || "someone"}@example.com`;
  return { email, first_name: first, last_name: rest.join(" ") };
}

function orderOf(form, paid) {
  const gift = form.elements.what.value === "gift";
  const title = gift ? "Gift card" : form.elements.what.value;
  return {
    customer: buyer(form),
    lines: [{ title, price: form.elements.price.value, quantity: Number(form.elements.quantity.value), gift_card: gift }],
    discount: form.elements.discount.checked ? { type: "percentage", value: "10" } : null,
    store_credit: form.elements.credit.checked || null,
    paid,
  };
}

orderForm.elements.price.value = wholeCurrency ? "4995" : "49.95";
orderForm.elements.who.addEventListener("change", () => { lastBuyer = null; showName(); });
orderForm.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const made = await ask("orders", orderOf(orderForm, event.submitter?.value !== "no"));
    toast(`${made.order.name} over ${made.order.total_price} ${settings.currency} is placed.`);
    lastBuyer = made.order.customer ? String(made.order.customer.id) : null;
  } catch (error) {
    toast(error.message, true);
  }
  refresh();
});

// A module is evaluated once; those that import it have registered their listeners by then.
queueMicrotask(refresh);
setInterval(() => document.hidden || refresh(), 2000);
