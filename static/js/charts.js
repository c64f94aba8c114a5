// Draws what the page already says in numbers: each figure names the JSON it is drawn from. Without this
// script, or without Chart.js, the tables are there all the same. Also offers the browser's own timezone.
"use strict";

const colours = 6;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const thin = "\u2009";

// A canvas understands every colour of CSS, the chart library only some: ask for what is really painted.
function painted(name) {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue] = pen.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

function grouped(value, places) {
  const parts = { minimumFractionDigits: places, maximumFractionDigits: places };
  return value.toLocaleString("en-US", parts).replaceAll(",", thin);
}

const written = {
  dollars: (value) => `$${value.toLocaleString("en-US", { minimumFractionDigits: 4, maximumFractionDigits: 4 })}`,
  seconds: (value) => (value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`),
};

function words(value, unit) {
  return written[unit] ? written[unit](value) : grouped(value, 0);
}

function short(value, unit) {
  if (unit === "seconds") return words(value, unit);
  const notation = { notation: "compact", maximumFractionDigits: 1 };
  return (unit === "dollars" ? "$" : "") + value.toLocaleString("en-US", notation);
}

function paint(chart, unitless) {
  const line = painted("--line");
  const muted = painted("--muted");
  chart.data.datasets.forEach((set, place) => {
    const name = set.rest ? "--chart-rest" : unitless ? "--chart-bad" : `--chart-${(place % colours) + 1}`;
    set.backgroundColor = set.borderColor = set.pointBackgroundColor = painted(name);
    set.hoverBackgroundColor = set.hoverBorderColor = set.backgroundColor;
  });
  for (const axis of Object.values(chart.options.scales)) {
    axis.ticks.color = muted;
    axis.grid.color = line;
    axis.border.color = line;
  }
  chart.options.plugins.legend.labels.color = muted;
  Object.assign(chart.options.plugins.tooltip, {
    backgroundColor: painted("--ink"),
    titleColor: painted("--paper"),
    bodyColor: painted("--paper"),
    footerColor: painted("--paper"),
  });
}

function options(told) {
  const stacked = told.kind === "bar";
  const text = { family: getComputedStyle(document.body).fontFamily, size: 12 };
  return {
    animation: calm.matches ? false : { duration: 160 },
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: { stacked, grid: { display: false }, border: {}, ticks: { font: text, maxRotation: 0, autoSkipPadding: 24 } },
      y: {
        stacked,
        beginAtZero: true,
        grid: {},
        border: { display: false },
        ticks: {
          font: text,
          maxTicksLimit: 5,
          precision: told.unit === "dollars" || told.unit === "seconds" ? undefined : 0,
          callback: (value) => short(value, told.unit),
        },
      },
    },
    plugins: {
      legend: {
        display: told.series.length > 1,
        position: "bottom",
        align: "start",
        labels: { boxWidth: 8, boxHeight: 8, font: text, padding: 12 },
      },
      tooltip: {
        cornerRadius: 5,
        padding: 10,
        boxWidth: 8,
        boxHeight: 8,
        boxPadding: 4,
        titleFont: text,
        bodyFont: text,
        footerFont: text,
        filter: (item) => told.series.length === 1 || item.raw > 0,
        callbacks: {
          label: (item) => ` ${item.dataset.label}: ${words(item.raw ?? 0, told.unit)}`,
          footer: (items) =>
            items.length > 1 ? `All: ${words(items.reduce((sum, item) => sum + item.raw, 0), told.unit)}` : "",
        },
      },
    },
  };
}

function datasets(told) {
  return told.series.map((series) => ({
    label: series.name,
    data: series.values,
    rest: series.rest,
    borderWidth: told.kind === "line" ? 2 : 0,
    borderRadius: told.series.length > 1 ? 0 : 2,
    maxBarThickness: 28,
    pointRadius: told.labels.length > 31 ? 0 : 2,
    pointHoverRadius: 4,
    tension: 0.25,
    spanGaps: true,
  }));
}

function draw(figure) {
  const told = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
  const bad = figure.id === "errors" && told.series.length === 1;
  const chart = new Chart(figure.querySelector("canvas"), {
    type: told.kind,
    data: { labels: told.labels, datasets: datasets(told) },
    options: options(told),
    plugins: [{ beforeInit: (made) => paint(made, bad) }],
  });
  const again = () => {
    paint(chart, bad);
    chart.update("none");
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}

if (window.Chart) document.querySelectorAll("[data-chart]").forEach(draw);

// The browser knows where it is: one press instead of a name to type.
for (const button of document.querySelectorAll("[data-my-zone]")) {
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const shown = button.form.elements.namedItem("timezone");
  const known = [...document.querySelectorAll("#zones option")].some((option) => option.value === mine);
  if (!known || shown.value === mine) continue;
  button.querySelector("span").textContent = mine;
  button.hidden = false;
  button.addEventListener("click", () => {
    shown.value = mine;
  });
}
