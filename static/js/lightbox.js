// The lightbox: one picture after the other, by pointer and by keyboard. Without it a tile opens its task.
"use strict";

const box = document.getElementById("lightbox");
const part = (name) => document.getElementById(`lightbox-${name}`);
let shown = null;

function tiles() {
  return [...document.querySelectorAll("a[data-lightbox]")];
}

function show(tile) {
  const words = tile.querySelector("img").alt;
  shown = tile;
  const picture = part("picture");
  picture.src = tile.dataset.lightbox;
  picture.alt = words;
  part("prompt").textContent = words;
  part("facts").textContent = tile.dataset.facts;
  part("task").href = tile.href;
  part("download").href = tile.dataset.lightbox;
  part("download").download = tile.dataset.file;
  part("change").hidden = !tile.dataset.change;
  part("change").href = tile.dataset.change ?? "#";
  const all = tiles();
  part("before").hidden = all[0] === tile;
  part("after").hidden = all.at(-1) === tile;
  if (!box.open) box.showModal();
}

function step(by) {
  const all = tiles();
  const next = all[all.indexOf(shown) + by];
  if (next) show(next);
}

document.addEventListener("click", (event) => {
  const tile = event.target.closest("a[data-lightbox]");
  if (!tile || !box || event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  show(tile);
});

box?.addEventListener("click", (event) => {
  if (event.target.closest("#lightbox-before")) step(-1);
  else if (event.target.closest("#lightbox-after")) step(1);
  else if (event.target.closest(".lightbox-stage") && event.target !== part("picture")) box.close();
});

box?.addEventListener("keydown", (event) => {
  const keys = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), d: () => part("download").click() };
  if (!(event.key in keys) || event.metaKey || event.ctrlKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  keys[event.key]();
});

box?.addEventListener("close", () => {
  part("picture").removeAttribute("src");
  shown?.focus();
});
