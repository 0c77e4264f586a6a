// Draws the charts of a page from their blocks of data, each when it comes near the view, in the colours of the reader's theme.
(function () {
  "use strict";
  const narrow = 480; // px; below, a chart is on a phone
  const momentLength = 600; // ms
  const sheet = 640; // px, between the margins of a printed page
  let isPrinting = false;

  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);

  // A custom property may hold light-dark(); only a computed colour tells which of the two applies.
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };

  // A copy with the colours that have names, such as "--blue". Rows of numbers are not copied.
  function coloured(part) {
    if (typeof part === "string" && part.startsWith("--")) return colour(part);
    if (Array.isArray(part) || part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, coloured(value)]));
  }

  // In lines that are no longer than so many characters, where the words allow it.
  function wrapped(text, length) {
    const lines = [""];
    for (const word of text.split(" ")) {
      const line = `${lines.at(-1)} ${word}`.trim();
      if (line.length <= length || !lines.at(-1)) lines[lines.length - 1] = line;
      else lines.push(word);
    }
    return lines.join("<br>");
  }

  // Over few powers of ten plotly writes digits alone, which overlap and do not say of what power: 1, 2 and 5 in full will do.
  function logTicks(data, letter) {
    let [least, most] = [Infinity, 0];
    for (const value of data.flatMap((trace) => trace[letter] ?? []))
      if (value > 0) [least, most] = [Math.min(least, value), Math.max(most, value)];
    // Within a factor of 5 hardly one of these would be left.
    if (most < 5 * least) return {};
    if (most >= 1000 * least) return most < 1e7 * least ? { dtick: 1 } : {};
    const values = [];
    for (let decade = Math.floor(Math.log10(least)) - 1; decade <= Math.log10(most) + 1; decade++)
      for (const digit of [1, 2, 5]) values.push(Number(`${digit}e${decade}`));
    return { tickvals: values, ticktext: values.map((value) => value.toLocaleString("en", { maximumSignificantDigits: 1 })) };
  }

  function themed(chart) {
    const { layout, isPicture, place } = chart;
    const ink = colour("--ink");
    const width = isPrinting ? sheet : place.clientWidth;
    const height = place.clientHeight;
    const isNarrow = width < narrow;
    const size = isNarrow ? 12 : 13;
    const surface = { bgcolor: colour("--surface"), bordercolor: colour("--line-strong") };
    const result = {
      ...coloured(layout),
      width,
      height,
      autosize: false,
      // A finger that moves over a chart scrolls the page.
      dragmode: isPicture || matchMedia("(pointer: coarse)").matches ? false : "zoom",
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { ...layout.font, color: ink, family: getComputedStyle(document.body).fontFamily, size },
      margin: isPicture ? { l: 0, r: 0, t: 0, b: 0 } : { l: 48, r: isNarrow ? 8 : 16, t: 16, b: 48, ...layout.margin },
      hoverlabel: { ...surface, font: { color: ink } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--ink-soft"), activecolor: ink },
      legend: {
        bgcolor: "rgba(0,0,0,0)",
        // Below the chart, so that long names do not narrow it.
        orientation: "h",
        x: 0,
        y: 0,
        yref: "container",
        yanchor: "bottom",
        ...layout.legend,
      },
    };
    for (const key of new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))])) {
      const axis = result[key] ?? {};
      const across = key.startsWith("x");
      const length = Math.floor(((across ? width : height) - 100) / (0.52 * size));
      result[key] = {
        gridcolor: colour("--line"),
        linecolor: colour("--line-strong"),
        zerolinecolor: colour("--line-strong"),
        automargin: !isPicture,
        nticks: across && isNarrow && axis.type !== "category" ? 6 : undefined,
        ...(axis.type === "log" ? logTicks(shown(chart), key[0]) : {}),
        ...axis,
        title: axis.title && { standoff: 8, ...axis.title, text: wrapped(axis.title.text ?? "", length) },
      };
    }
    return result;
  }

  // The traces that are shown now.
  const shown = ({ data, choice }) => (choice ? data.filter((_, i) => choice.owners[i] === choice.shown) : data);

  const options = {
    displaylogo: false,
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
  };

  function draw(chart) {
    const traces = shown(chart).map(coloured);
    const hasShades = traces.some((trace) => trace.type === "heatmap");
    for (const trace of traces) {
      if (trace.type === "image") trace.hoverinfo = "skip";
      else if (trace.type === "heatmap") trace.colorbar = { thickness: 12, outlinewidth: 0, ...trace.colorbar };
      // Points stand out from the shades behind them.
      else if (hasShades) trace.marker = { ...trace.marker, line: { width: 1, color: colour("--page") } };
    }
    chart.width = chart.place.clientWidth;
    Plotly.react(chart.place, traces, themed(chart), { ...options, staticPlot: chart.isPicture });
    chart.isDrawn = true;
    fillTable(chart);
  }

  // What the chart shows as a table, made when it is opened.
  function fillTable({ numbers, layout, ...chart }) {
    if (!numbers?.open) return;
    const rows = shown(chart).flatMap(({ name, x = [], y = [] }) =>
      y.map((value, i) => [name ?? "", x[i] ?? i, value ?? "–"])
    );
    const table = document.createElement("table");
    const title = (key) => layout[key]?.title?.text ?? "";
    const add = (section, tag, cells) => {
      const line = section.insertRow();
      for (const cell of cells) line.append(Object.assign(document.createElement(tag), { textContent: cell }));
    };
    add(table.createTHead(), "th", ["Series", title("xaxis"), title("yaxis")]);
    const body = table.createTBody();
    for (const row of rows) add(body, "td", row);
    numbers.querySelector(".rows").replaceChildren(table);
  }

  function addTable(chart) {
    const box = document.createElement("div");
    box.className = "rows";
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Numbers of the chart");
    chart.numbers.append(box);
    chart.numbers.addEventListener("toggle", () => fillTable(chart));
  }

  // Controls are the browser's own, not Plotly's, as they obey the keyboard and fit a phone.
  function addList({ choice, chooser, show }) {
    const label = document.createElement("label");
    const list = document.createElement("select");
    label.textContent = choice.label;
    list.append(...choice.names.map((name, i) => new Option(name, i)));
    list.value = choice.shown;
    list.addEventListener("change", () => show(Number(list.value)));
    label.append(list);
    chooser.append(label);
  }

  // A slider through the moments of a chart, and a button that plays them. Nothing moves before the reader asks for it.
  function addPlayer({ choice, chooser, show }) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Play" });
    const last = choice.names.length - 1;
    const range = Object.assign(document.createElement("input"), { type: "range", min: 0, max: last });
    const name = document.createElement("span");
    let timer = 0;
    range.setAttribute("aria-label", choice.label);
    name.setAttribute("aria-hidden", "true");

    function go(moment) {
      range.valueAsNumber = moment;
      name.textContent = `${choice.label} ${choice.names[moment]}`;
      range.setAttribute("aria-valuetext", choice.names[moment]);
      show(moment);
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
      go(range.valueAsNumber);
    });
    chooser.append(button, range, name);
    go(choice.shown);
  }

  function read(figure) {
    const { data, layout, choice, shared } = JSON.parse(figure.querySelector("script.plot").textContent);
    // Rows that several lines have in common stand there once.
    for (const trace of data)
      for (const [key, value] of Object.entries(trace))
        if (value?.shared !== undefined) trace[key] = shared[value.shared];
    const chart = {
      data,
      layout,
      choice,
      place: figure.querySelector(".plot-area"),
      chooser: figure.querySelector(".chooser"),
      numbers: figure.querySelector(".numbers"),
      isPicture: data.every((trace) => trace.type === "image"),
      isDrawn: false,
    };
    chart.show = (moment) => {
      choice.shown = moment;
      if (chart.isDrawn) draw(chart);
    };
    if (choice) (choice.control === "player" ? addPlayer : addList)(chart);
    if (chart.numbers) addTable(chart);
    return chart;
  }

  const figures = [...document.querySelectorAll("figure.chart:has(script.plot)")];
  if (!figures.length) return;
  const charts = new Map(figures.map(read).map((chart) => [chart.place, chart]));
  const redraw = () => charts.forEach((chart) => chart.isDrawn && draw(chart));

  const nearby = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        nearby.unobserve(target);
        draw(charts.get(target));
      }
    },
    { rootMargin: "100% 0px" }
  );
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = charts.get(target);
      if (chart.isDrawn && target.clientWidth && target.clientWidth !== chart.width) draw(chart);
    }
  });
  for (const place of charts.keys()) {
    nearby.observe(place);
    sizes.observe(place);
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  // On paper every chart is seen.
  const print = (starts) => () => {
    isPrinting = starts;
    charts.forEach(draw);
  };
  addEventListener("beforeprint", print(true));
  addEventListener("afterprint", print(false));
})();
