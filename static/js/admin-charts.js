// The dashboard's charts, from the numbers that stand in the page. The table below has the same.

(() => {
  "use strict";

  const source = document.getElementById("chart-data");
  if (!source || typeof Chart === "undefined") return;
  const data = JSON.parse(source.textContent);
  const whole = new Intl.NumberFormat("en");
  const short = new Intl.NumberFormat("en", { notation: "compact" });
  const dollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD" });
  const shortDollars = new Intl.NumberFormat("en", { style: "currency", currency: "USD", notation: "compact" });
  const words = {
    images: [whole, short],
    tokens: [whole, short],
    revenue: [dollars, shortDollars],
  };
  const charts = [];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const options = (name) => ({
    animation: false,
    maintainAspectRatio: false,
    responsive: true,
    interaction: { mode: "index", intersect: false },
    plugins: {
      legend: { display: false },
      tooltip: { displayColors: false, callbacks: { label: (item) => words[name][0].format(item.parsed.y) } },
    },
    scales: {
      x: { grid: { display: false }, border: { color: colour("--line") }, ticks: { color: colour("--muted"), maxRotation: 0, autoSkipPadding: 16, callback: (value) => data.days[value].slice(5) } },
      y: { beginAtZero: true, border: { display: false }, grid: { color: colour("--line") }, ticks: { color: colour("--muted"), maxTicksLimit: 4, callback: (value) => words[name][1].format(value) } },
    },
  });

  const draw = () => {
    charts.splice(0).forEach((chart) => chart.destroy());
    document.querySelectorAll("canvas[data-chart]").forEach((canvas) => {
      const name = canvas.dataset.chart;
      charts.push(
        new Chart(canvas, {
          type: "bar",
          data: { labels: data.days, datasets: [{ data: data[name], backgroundColor: colour("--accent"), borderRadius: 3, maxBarThickness: 28 }] },
          options: options(name),
        }),
      );
    });
  };

  draw();
  // The theme's switch between light and dark is a class of the document.
  new MutationObserver(draw).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
})();
