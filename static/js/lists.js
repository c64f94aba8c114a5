// Filters that take effect as they are chosen, in an address without empty words.
"use strict";

for (const bar of document.querySelectorAll(".narrow-bar")) bar.dataset.live = "";

document.addEventListener("htmx:configRequest", (event) => {
  const bar = event.target.closest(".narrow-bar");
  if (!bar) return;
  const said = event.detail.formData;
  for (const name of new Set(said.keys())) {
    if (said.getAll(name).every((value) => value === "")) said.delete(name);
  }
  // Enter in a field says the same twice: that it changed, and that it was sent.
  const asked = new URLSearchParams(said).toString();
  if (bar.dataset.asked === asked) event.preventDefault();
  bar.dataset.asked = asked;
});

// A download leaves this page where it is: its button is free again.
document.addEventListener("submit", (event) => {
  if (!event.submitter?.hasAttribute("data-stays")) return;
  const { submitter, target } = event;
  setTimeout(() => {
    submitter.removeAttribute("aria-busy");
    delete target.dataset.sent;
  }, 1500);
});
