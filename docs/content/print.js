// On paper: everything unfolded, dark on light. The charts see to themselves.
(function () {
  "use strict";
  const root = document.documentElement;
  let undo = [];

  addEventListener("beforeprint", () => {
    const folded = [...document.querySelectorAll("details:not([open], .numbers)")];
    const theme = root.dataset.theme;
    for (const each of folded) each.open = true;
    root.dataset.theme = "light";
    undo = [
      () => folded.forEach((each) => (each.open = false)),
      () => (theme ? (root.dataset.theme = theme) : delete root.dataset.theme),
    ];
  });
  addEventListener("afterprint", () => undo.splice(0).forEach((step) => step()));
})();
