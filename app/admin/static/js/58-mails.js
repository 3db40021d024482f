// A mail is shown in a frame of its own, which only a form can fill; again where it is to be seen light or dark.
(() => {
  const show = () => {
    const scheme = document.querySelector("[name=look-scheme]:checked")?.value || "light";
    for (const form of document.querySelectorAll("form[data-shows]")) {
      if (form.dataset.shows === scheme) continue;
      form.dataset.shows = form.elements.scheme.value = scheme;
      // What is loaded into a new frame adds no step to the way back.
      const frame = form.nextElementSibling;
      frame.replaceWith(frame.cloneNode());
      form.submit();
    }
  };
  document.addEventListener("htmx:after:swap", show);
  document.addEventListener("change", show);
  show();
})();
