// The review desk: choosing many, asking before they are decided about, and the seconds an undo has left.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const boxes = () => [...document.querySelectorAll("[name=pick][type=checkbox]")];
  let last = null;

  function count() {
    const bar = byId("bulk"), all = boxes(), chosen = all.filter((box) => box.checked).length;
    if (!bar) return;
    bar.hidden = !chosen;
    byId("chosen").textContent = bar.elements.all.checked ? bar.elements.all.dataset.count : chosen;
    byId("whole").hidden = chosen < all.length;
    if (chosen < all.length) bar.elements.all.checked = false;
    const page = byId("every");
    if (page) Object.assign(page, { checked: chosen > 0 && chosen === all.length, indeterminate: chosen > 0 && chosen < all.length });
  }
  document.addEventListener("click", (event) => {
    const box = event.target.closest("[name=pick][type=checkbox]");
    if (!box) return;
    const all = boxes(), from = all.indexOf(last), to = all.indexOf(box);
    if (event.shiftKey && from >= 0) all.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((one) => { one.checked = box.checked; });
    last = box;
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "every") boxes().forEach((box) => { box.checked = event.target.checked; });
    count();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-clears]")) return;
    boxes().forEach((box) => { box.checked = false; });
    count();
    document.querySelector("[data-row]")?.focus();
  });

  document.addEventListener("htmx:after:swap", (event) => {
    const dialog = byId("confirm");
    if (dialog && event.detail.ctx.target === dialog) {
      dialog.showModal();
      dialog.querySelector("[data-first]")?.focus();
    }
    count();
  });
  document.addEventListener("DOMContentLoaded", count);

  // The server decides; the seconds are for the eye.
  setInterval(() => {
    const left = document.querySelector("[data-left]");
    if (!left) return;
    left.textContent = Math.max(left.textContent - 1, 0);
    if (left.textContent === "0") byId("undo").replaceChildren();
  }, 1000);
})();
