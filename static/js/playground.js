// The playground: pictures by drag and drop, the progress as it happens, a price that follows what is chosen.
"use strict";

const order = document.getElementById("order");
const files = document.getElementById("files");
const drop = document.getElementById("drop");
const kept = document.getElementById("kept");

// ---- pictures --------------------------------------------------------------------------------

function changed() {
  kept.dispatchEvent(new Event("kept"));
}

for (const name of ["dragenter", "dragover"]) {
  drop?.addEventListener(name, (event) => {
    event.preventDefault();
    drop.dataset.over = "";
  });
}

for (const name of ["dragleave", "drop"]) {
  drop?.addEventListener(name, (event) => {
    event.preventDefault();
    if (!drop.contains(event.relatedTarget)) delete drop.dataset.over;
  });
}

drop?.addEventListener("drop", (event) => {
  const dropped = new DataTransfer();
  for (const file of event.dataTransfer.files) if (file.type.startsWith("image/")) dropped.items.add(file);
  if (!dropped.files.length) return;
  files.files = dropped.files;
  files.dispatchEvent(new Event("change", { bubbles: true }));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-drop-picture]");
  if (!button) return;
  button.closest("li").remove();
  changed();
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target === files) kept.querySelector(".kept-trouble")?.remove();
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.target !== files) return;
  if (event.detail.successful) files.value = "";
  changed();
});

// A model has its own ratios and sizes: the settings come anew with it.
document.addEventListener("change", (event) => {
  if (event.target.name !== "model") return;
  const settings = new URLSearchParams(new FormData(order));
  for (const name of ["csrfmiddlewaretoken", "files", "once"]) settings.delete(name);
  htmx.ajax("GET", `${order.dataset.settings}?${settings}`, { target: "#settings", swap: "outerHTML" });
});

// ---- progress --------------------------------------------------------------------------------

function watch() {
  const stage = document.getElementById("stage");
  if (!stage?.dataset.events) return;
  const told = new EventSource(stage.dataset.events);
  told.addEventListener("standing", (event) => {
    const standing = JSON.parse(event.data);
    document.getElementById("stage-words").textContent = standing.words;
    document.getElementById("stage-progress").value = standing.progress;
  });
  told.addEventListener("done", () => {
    told.close();
    htmx.ajax("GET", stage.dataset.stage, { target: "#stage", swap: "outerHTML" });
  });
}

watch();
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && order.contains(event.target)) {
    order.requestSubmit();
  }
});
