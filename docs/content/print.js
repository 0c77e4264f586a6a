// On paper: everything unfolded, dark on light, and charts as wide as the sheet.
(function () {
  "use strict";
  const root = document.documentElement;
  const sheet = 640; // px, the width of A4 and Letter between usual margins
  let undo = [];

  function resize(width) {
    for (const chart of document.querySelectorAll(".js-plotly-plot")) Plotly.relayout(chart, { width, autosize: !width });
  }

  addEventListener("beforeprint", () => {
    const folded = [...document.querySelectorAll("details:not([open])")];
    const theme = root.dataset.theme;
    for (const each of folded) each.open = true;
    root.dataset.theme = "light";
    resize(sheet);
    undo = [
      () => folded.forEach((each) => (each.open = false)),
      () => (theme ? (root.dataset.theme = theme) : delete root.dataset.theme),
      () => resize(null),
    ];
  });
  addEventListener("afterprint", () => undo.splice(0).forEach((step) => step()));
})();
