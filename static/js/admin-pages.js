// What the operators' pages add to their theme: keys, and small conveniences. Every page works without it.

(() => {
  "use strict";

  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "f") {
      const box = document.getElementById("find");
      if (box) {
        event.preventDefault();
        box.focus();
        box.select();
      }
    }
  });

  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-select]")) event.target.select();
  });

  // The theme's drawer of filters is a layer over the page: the keyboard stays in it until it is closed.
  document.addEventListener("keydown", (event) => {
    const drawer = document.getElementById("changelist-filter");
    if (event.key !== "Tab" || !drawer || !drawer.contains(document.activeElement)) return;
    if (getComputedStyle(drawer).position !== "fixed") return;
    const stops = [...drawer.querySelectorAll("a[href], button, input:not([type=hidden]), select")].filter(
      (one) => one.offsetParent !== null,
    );
    const [first, last] = [stops[0], stops[stops.length - 1]];
    if (event.shiftKey && document.activeElement === first) {
      event.preventDefault();
      last.focus();
    } else if (!event.shiftKey && document.activeElement === last) {
      event.preventDefault();
      first.focus();
    }
  });

  // The theme's scroll bars name all they hold "scrollable content": whoever only listens needs to tell them apart.
  addEventListener("load", () => {
    document.querySelectorAll(".simplebar-content-wrapper[role=region]").forEach((one, place) => {
      one.setAttribute("aria-label", one.closest("#nav-sidebar-apps") ? "Lists of the admin" : `Rows ${place}`);
    });
  });
})();
