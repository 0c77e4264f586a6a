// Typesets the formulas, whose TeX stands between \( \) or \[ \].
(function () {
  "use strict";

  // A browser may break a line between a formula and the comma after it: the comma moves into the last box of the formula, which is never broken.
  function keepTogether(place) {
    const after = place.nextSibling;
    const mark = after?.nodeType === Node.TEXT_NODE && after.data.match(/^[.,;:)!?]+/)?.[0];
    const box = mark && place.querySelector(".katex-html > .katex-base:last-child");
    if (!box) return;
    after.data = after.data.slice(mark.length);
    const moved = document.createElement("span");
    moved.className = "mark";
    moved.textContent = mark;
    box.append(moved);
  }

  const shortest = 25; // characters of TeX; up to there a formula in text fits into any line, and is not broken

  for (const place of document.querySelectorAll(".math")) {
    const tex = place.textContent.trim();
    const displayMode = tex.startsWith("\\[");
    katex.render(tex.slice(2, -2), place, { displayMode, throwOnError: false });
    place.classList.toggle("short", !displayMode && tex.length - 4 <= shortest);
    keepTogether(place);
  }
  document.documentElement.classList.remove("typesetting");
})();
