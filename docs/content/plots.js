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
    if (layout.updatemenus)
      result.updatemenus = layout.updatemenus.map((each) => ({ ...surface, ...each, font: { color: ink, ...each.font } }));
    return result;
  }

  const momentLength = 600; // ms

  // Puts the moments that a chart goes through under a slider, with a button that plays them; returns what shows the chosen one. The slider is
  // the browser's own, not Plotly's, as it obeys the keyboard and fits a phone. Nothing moves before the reader asks for it.
  function addPlayer(place, { active, steps, currentvalue }) {
    const player = document.createElement("div");
    player.className = "player";
    player.innerHTML = '<button type="button">Play</button><input type="range" min="0"><span aria-hidden="true"></span>';
    const [button, range, name] = player.children;
    const last = steps.length - 1;
    let timer = 0;
    range.max = last;
    range.valueAsNumber = active;
    range.setAttribute("aria-label", currentvalue.prefix.trim());

    function show() {
      const { label, method, args } = steps[range.valueAsNumber];
      name.textContent = currentvalue.prefix + label;
      range.setAttribute("aria-valuetext", label);
      return Plotly[method](place, ...args);
    }

    function go(moment) {
      range.valueAsNumber = moment;
      show();
    }

    function pause() {
      clearInterval(timer);
      timer = 0;
      button.textContent = "Play";
    }

    function play() {
      if (range.valueAsNumber === last) go(0);
      button.textContent = "Pause";
      timer = setInterval(() => {
        go(range.valueAsNumber + 1);
        if (range.valueAsNumber === last) pause();
      }, momentLength);
    }

    button.addEventListener("click", () => (timer ? pause() : play()));
    range.addEventListener("input", () => {
      pause();
      show();
    });
    place.after(player);
    return show;
  }

  const options = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] };
  const charts = [...document.querySelectorAll("script.plot")].map((block) => {
    const place = block.parentElement.querySelector(".plot-area");
    const { data, layout: { sliders, ...layout } } = JSON.parse(block.textContent);
    return { place, data, layout, show: sliders && addPlayer(place, sliders[0]) };
  });

  function draw() {
    for (const { place, data, layout, show } of charts)
      Plotly.react(place, structuredClone(data), themed(layout), options).then(show);
  }

  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();
