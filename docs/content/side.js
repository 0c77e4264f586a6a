// Runs before the page is drawn: a menu that the reader has closed stays closed on the next page.
(function () {
  "use strict";
  try {
    if (localStorage.getItem("hybrid-side") === "closed") document.documentElement.dataset.side = "closed";
  } catch {
    // Storage is off: the menu is as it comes.
  }
})();
