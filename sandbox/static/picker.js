// Windows that App Bridge opens over the app: the resource picker, and the bar about unsaved changes.
import { ask, element, settings } from "./shop.js";

const kinds = {
  async product() {
    const { products } = await ask(`products?shop=${settings.shop}`);
    return products.map((product) => ({ id: product.admin_graphql_api_id, title: product.title, handle: product.handle }));
  },
  async variant() {
    const { products } = await ask(`products?shop=${settings.shop}`);
    return products.flatMap((product) => product.variants.map((variant) => ({
      id: variant.admin_graphql_api_id,
      title: variant.title,
      displayName: `${product.title} - ${variant.title}`,
      sku: variant.sku,
      product: { id: product.admin_graphql_api_id, title: product.title },
    })));
  },
  async collection() {
    const { collections } = await ask(`collections?shop=${settings.shop}`);
    return collections.map((one) => ({ id: one.admin_graphql_api_id, title: one.title, handle: one.handle }));
  },
};

/** Let the person choose; resolves to what was chosen, or to undefined when they cancelled. */
export async function pick({ type, multiple = false, selectionIds = [] }) {
  if (!kinds[type]) throw new Error(`There is no picker for ${type}; there are ${Object.keys(kinds).join(", ")}.`);
  const offered = await kinds[type]();
  const before = new Set(selectionIds.map((one) => one.id));
  const boxes = offered.map((one) => element("input", {
    type: multiple ? "checkbox" : "radio", name: "chosen", value: one.id, checked: before.has(one.id),
  }));
  const lines = offered.map((one, at) => element("label", { className: "check" }, boxes[at], one.displayName || one.title));
  return new Promise((resolve) => {
    const button = (label, value, kind) => element("button", { className: kind, value }, label);
    const form = element("form", { method: "dialog" },
      element("h3", {}, `Choose ${multiple ? `${type}s` : `a ${type}`}`),
      element("div", { className: "picker" }, ...lines),
      element("div", { className: "pair" }, button("Choose", "choose", "button button--main"), button("Cancel", "cancel", "button")));
    const dialog = element("dialog", { className: "card", id: "picker" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "choose" ? offered.filter((_, at) => boxes[at].checked) : undefined);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

let bar = null;

/** Show or take away the bar about unsaved changes; ``act`` is called with what the person wants. */
export function showSaveBar(on, act) {
  bar?.remove();
  bar = null;
  if (!on) return;
  const button = (label, what, kind) => element("button", { type: "button", className: kind, onclick: () => act(what) }, label);
  bar = element("div", { className: "savebar", id: "save-bar" }, element("strong", {}, "Unsaved changes"),
    button("Discard", "discard", "button button--small"), button("Save", "save", "button button--small"));
  document.querySelector(".crumb").after(bar);
}

/** Ask before leaving what is not saved; resolves to whether to leave. */
export function mayLeave() {
  return bar === null || window.confirm("Leave the page? What is not saved is lost.");
}
