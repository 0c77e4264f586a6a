// Fetches the fonts of formulas while the page is still being read, and keeps the text out of sight until its formulas are set (math.js), so that
// nothing moves under the reader's eyes.
(function () {
  "use strict";
  const fonts = ["16px KaTeX_Main", "bold 16px KaTeX_Main", "italic 16px KaTeX_Math", "16px KaTeX_AMS", "16px KaTeX_Caligraphic"];
  for (const size of [1, 2, 3, 4]) fonts.push(`16px KaTeX_Size${size}`);
  for (const font of fonts) document.fonts.load(font);
  const root = document.documentElement;
  root.classList.add("typesetting");
  addEventListener("load", () => root.classList.remove("typesetting"));
})();
