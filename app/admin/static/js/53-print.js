// Statements go on paper by the browser's own dialog.
"use strict";
(() => {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-prints]")) window.print();
  });
})();
