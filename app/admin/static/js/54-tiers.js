// Tiers: the swatch shows the colour that is chosen or typed.
"use strict";
(() => {
  document.addEventListener("input", (event) => {
    const row = event.target.closest("[data-tier]");
    if (!row || !event.target.matches("[data-colors]")) return;
    const [chosen, own] = row.querySelectorAll("[data-colors]");
    const color = chosen.value === "own" ? own.value : chosen.value;
    const shown = row.querySelector(".swatch rect");
    if (/^#[0-9a-f]{6}$/i.test(color)) shown.setAttribute("fill", color);
    else shown.removeAttribute("fill");
  });
})();
