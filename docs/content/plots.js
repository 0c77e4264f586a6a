// Draws every chart of a page from its block of data, in the colours of the reader's theme.
(function () {
  "use strict";
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);

  // A custom property may hold light-dark(); only a computed colour tells which of the two applies.
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };

  function themed(layout) {
    const ink = colour("--ink");
    const axis = {
      gridcolor: colour("--line"),
      linecolor: colour("--line-strong"),
      zerolinecolor: colour("--line-strong"),
      automargin: true,
    };
    const surface = { bgcolor: colour("--surface"), bordercolor: colour("--line-strong") };
    const result = {
      ...layout,
      autosize: true,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { ...layout.font, color: ink, family: getComputedStyle(document.body).fontFamily, size: 13 },
      margin: { l: 56, r: 16, t: layout.title ? 48 : 16, b: 48, ...layout.margin },
      hoverlabel: { ...surface, font: { color: ink } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--ink-soft"), activecolor: ink },
      template: {
        layout: {
          colorway: ["--blue", "--orange", "--green", "--red", "--purple", "--sky", "--grey"].map(colour),
          // Below the chart, so that long names do not narrow it.
          legend: { bgcolor: "rgba(0,0,0,0)", orientation: "h", y: -0.22, yanchor: "top" },
        },
      },
    };
    delete result.width;
    const axes = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));
    for (const key of new Set(["xaxis", "yaxis", ...axes])) result[key] = { ...axis, ...layout[key] };
    for (const key of ["updatemenus", "sliders"])
      if (layout[key]) result[key] = layout[key].map((each) => ({ ...surface, ...each, font: { color: ink, ...each.font } }));
    return result;
  }

  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  const charts = [...document.querySelectorAll("script.plot")].map((block) => ({
    place: block.parentElement.querySelector(".plot-area"),
    figure: JSON.parse(block.textContent),
  }));

  function draw() {
    for (const { place, figure } of charts)
      Plotly.react(place, structuredClone(figure.data), themed(figure.layout), options);
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();
