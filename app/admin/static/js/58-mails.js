// A mail is shown in a frame of its own, which only a form can fill.
(() => {
  const show = () => {
    for (const form of document.querySelectorAll("form[data-shows]:not([data-shown])")) {
      form.dataset.shown = "";
      form.submit();
    }
  };
  document.addEventListener("htmx:after:swap", show);
  show();
})();
