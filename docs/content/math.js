// Typesets the formulas, whose TeX stands between \( \) or \[ \].
(function () {
  "use strict";
  for (const place of document.querySelectorAll(".math")) {
    const tex = place.textContent.trim();
    katex.render(tex.slice(2, -2), place, { displayMode: tex.startsWith("\\["), throwOnError: false });
  }
  document.documentElement.classList.remove("typesetting");
})();
