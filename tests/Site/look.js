// Runs before each page of the tests: notes what moves, and looks for what a reader would stumble over. Each function returns complaints.
(function () {
  "use strict";
  const shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries())
      if (!hadRecentInput) shifts.push({ value, moved: sources.map(({ node }) => name(node)).join(", ") });
  }).observe({ type: "layout-shift", buffered: true });

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

  // A short name of an element for messages.
  function name(node) {
    const element = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (!element?.localName) return "a removed element";
    const id = element.id ? `#${element.id}` : "";
    const classes = [...element.classList].map((each) => `.${each}`).join("");
    const words = element.textContent.trim().replace(/\s+/g, " ").slice(0, 30);
    return `${element.localName}${id}${classes} '${words}'`;
  }

  async function settled() {
    await document.fonts.ready;
    await frame();
    await pause(300);
  }

  function maths() {
    const complaints = [];
    for (const error of document.querySelectorAll(".katex-error, .katex [style*='#cc0000'], .katex [style*='204, 0, 0']"))
      complaints.push(`KaTeX cannot read ${name(error)}: ${error.title}`);
    for (const formula of document.querySelectorAll("#content .math"))
      if (!formula.querySelector(".katex")) complaints.push(`a formula is not typeset: ${name(formula)}`);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode())
      if (/\\[()[\]]|\$\$/.test(text.data) && !text.parentElement.closest("pre, code, script, style, .katex, .fsdocs-tip"))
        complaints.push(`raw mathematics in ${name(text)}`);
    return complaints;
  }

  const drawing = (area) => area.querySelector("svg.main-svg, svg");
  const widths = new Map();

  // Scrolls to each chart, so that one that is drawn when it is seen is drawn. The second time, the window is another.
  async function charts() {
    const complaints = [];
    for (const area of document.querySelectorAll(".plot-area")) {
      const what = area.closest("figure")?.id ?? name(area);
      area.scrollIntoView({ block: "center", behavior: "instant" });
      const fits = () => {
        const svg = drawing(area);
        return svg && svg.clientHeight > 0 && Math.abs(svg.clientWidth - area.clientWidth) <= 2;
      };
      for (let waited = 0; !fits() && waited < 15000; waited += 50) await pause(50);
      const width = drawing(area)?.clientWidth ?? 0;
      if (width === 0) complaints.push(`the chart ${what} is not drawn`);
      else if (!fits()) complaints.push(`the chart ${what} is ${width} px wide, its place ${area.clientWidth} px`);
      else if (widths.get(area) === width) complaints.push(`the chart ${what} stays ${width} px wide when the window changes`);
      widths.set(area, width);
    }
    scrollTo({ top: 0, behavior: "instant" });
    await frame();
    return complaints;
  }

  function overflow() {
    const width = innerWidth;
    const found = document.scrollingElement.scrollWidth;
    if (found <= width) return [];
    const scrolls = (element) => {
      for (let each = element.parentElement; each && each !== document.body; each = each.parentElement)
        if (getComputedStyle(each).overflowX !== "visible") return true;
      return false;
    };
    const wide = [...document.body.querySelectorAll("*")]
      .filter((each) => each.getBoundingClientRect().right > width + 0.5 && !scrolls(each))
      .map(name);
    // A scrolling box does not hold what is placed absolutely, unless it is positioned itself.
    const loose = [...document.body.querySelectorAll("*")]
      .filter((each) => getComputedStyle(each).position === "absolute" && each.getBoundingClientRect().right > width + 0.5)
      .map(name);
    return [`the page is ${found} px wide in a window of ${width} px: ${[...wide, ...loose].slice(0, 6).join(", ")}`];
  }

  function shift(limit) {
    const sum = shifts.reduce((sum, { value }) => sum + value, 0);
    if (sum <= limit) return [];
    const moved = shifts.map(({ value, moved }) => `${value.toFixed(4)} (${moved})`);
    return [`the layout shifts by ${sum.toFixed(4)}: ${moved.slice(0, 5).join("; ")}`];
  }

  async function axe(rules) {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
    await frame();
    const options = { resultTypes: ["violations"], ...(rules.length ? { runOnly: { type: "rule", values: rules } } : {}) };
    const { violations } = await window.axe.run(document, options);
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, impact, help, nodes }) => {
        const where = nodes.slice(0, 4).map(({ target, any }) => `${target.join(" ")}${any[0] ? ` (${any[0].message})` : ""}`);
        return `${impact} ${id}: ${help}, ${nodes.length} times: ${where.join("; ")}`;
      });
  }

  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
  const isScrolling = (element) =>
    (element.scrollWidth > element.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(element).overflowX)) ||
    (element.scrollHeight > element.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(element).overflowY));

  // Everything that a pointer can work, which the keyboard has to reach too.
  function interactive() {
    const plain = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")];
    const scrolling = [...document.querySelectorAll("pre, table, div, nav, aside, figure")].filter(isScrolling);
    return [...new Set([...plain, ...scrolling])].filter((each) => isSeen(each) && !each.disabled);
  }

  // What of its looks can tell that an element has the focus; a link in a drawing may show it by the shape within.
  const look = (element) => {
    const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor, textDecorationLine } = getComputedStyle(element);
    const shapes = [...element.querySelectorAll("rect, path, circle")].map((shape) => {
      const { stroke, strokeWidth, fill, outlineStyle } = getComputedStyle(shape);
      return [stroke, strokeWidth, fill, outlineStyle].join();
    });
    const outline = outlineStyle === "none" || element.closest("svg") ? "" : outlineWidth;
    return { outline, rest: [boxShadow, borderColor, backgroundColor, textDecorationLine, ...shapes].join() };
  };

  const resting = new Map();
  const reached = new Set();
  const complaintsOfFocus = [];

  function beginTour() {
    for (const element of interactive()) resting.set(element, look(element).rest);
    return resting.size;
  }

  // Called after each press of Tab; false once the tour is round.
  function step() {
    const element = document.activeElement;
    if (!element || element === document.body || reached.has(element)) return false;
    reached.add(element);
    const { outline, rest } = look(element);
    const box = element.getBoundingClientRect();
    if (!outline && rest === resting.get(element)) complaintsOfFocus.push(`the focus does not show on ${name(element)}`);
    if (box.bottom < 0 || box.top > innerHeight) complaintsOfFocus.push(`the focus is out of sight on ${name(element)}`);
    return true;
  }

  // A scrolling box is reached as well when something within it can take the focus.
  function endTour() {
    const isReached = (element) => reached.has(element) || (isScrolling(element) && [...reached].some((each) => element.contains(each)));
    const missed = [...resting.keys()].filter((each) => each.isConnected && isSeen(each) && !isReached(each));
    return [...complaintsOfFocus, ...missed.map((each) => `Tab does not reach ${name(each)}`)];
  }

  window.look = { settled, maths, charts, overflow, shift, axe, name, beginTour, step, endTour };
})();
