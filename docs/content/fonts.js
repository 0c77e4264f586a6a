// Fetches the fonts of formulas while the page is still being read, so that no formula changes its size later.
(function () {
  "use strict";
  const fonts = ["16px KaTeX_Main", "bold 16px KaTeX_Main", "italic 16px KaTeX_Math", "16px KaTeX_AMS", "16px KaTeX_Caligraphic"];
  for (const size of [1, 2, 3, 4]) fonts.push(`16px KaTeX_Size${size}`);
  for (const font of fonts) document.fonts.load(font);
})();
