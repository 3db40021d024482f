// Products, variants and collections are chosen in Shopify's own window, where App Bridge brings it.
(() => {
  "use strict";
  const TYPES = { product: "Product", variant: "ProductVariant", collection: "Collection" };
  if (typeof window.shopify?.resourcePicker === "function") document.documentElement.classList.add("has-picker");

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-picks]");
    if (!button) return;
    const field = button.parentElement;
    const box = field.querySelector("textarea, input");
    const { picks, one } = button.dataset;
    const ids = box.value.match(/\d+(?=\s|,|;|$)/g) || [];
    const chosen = await window.shopify.resourcePicker({
      type: picks,
      multiple: one === undefined,
      selectionIds: ids.map((id) => ({ id: `gid://shopify/${TYPES[picks]}/${id}` })),
    });
    if (!chosen) return;
    box.value = chosen.map(({ id }) => id.split("/").pop()).join("\n");
    // Shopify tells the names now; only the ids are kept.
    field.querySelector("[data-names]").replaceChildren(...chosen.map((item) => {
      const name = document.createElement("li");
      name.className = "tag";
      name.textContent = item.displayName || item.title;
      return name;
    }));
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // A row that goes is a change too; what is discarded is loaded again, its rows with it.
  document.addEventListener("click", (event) => {
    event.target.closest("[data-removes]")?.closest("form").dispatchEvent(new Event("input", { bubbles: true }));
  }, true);
  document.addEventListener("reset", (event) => {
    if (event.target.matches("[data-save-bar]")) htmx.ajax("GET", location.pathname + location.search, { target: "#page", select: "#page", swap: "outerHTML" });
  });
})();
