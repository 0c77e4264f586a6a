// Chooses rows of the ledger by verdict and by page. All are shown until a reader chooses.
(function () {
  "use strict";
  const table = document.querySelector("table.ledger");
  if (!table) return;
  const rows = [...table.querySelectorAll("tr[data-page]")];
  const buttons = [...document.querySelectorAll("#ledger-filters button")];
  const status = document.getElementById("ledger-status");
  const chosen = { verdict: "", page: "" };

  const label = (button) => button.textContent.replace(/\s*\d+\s*/g, "").trim();

  function show() {
    for (const button of buttons) {
      const [[key, value]] = Object.entries(button.dataset);
      button.setAttribute("aria-pressed", String(chosen[key] === value));
    }
    for (const row of rows)
      row.hidden = Object.entries(chosen).some(([key, value]) => value && row.dataset[key] !== value);
    for (const group of table.tBodies) group.hidden = !group.querySelector("tr[data-page]:not([hidden])");
    const shown = rows.filter((row) => !row.hidden).length;
    const pressed = buttons.filter((button) => button.getAttribute("aria-pressed") === "true").map(label);
    status.textContent = `${shown} of ${rows.length} claims: ${pressed.join(", ")}.`;
  }

  function choose(choice) {
    Object.assign(chosen, choice);
    show();
  }

  for (const button of buttons) button.addEventListener("click", () => choose({ ...button.dataset }));

  // A count in the list of papers chooses its rows; an address that leads to a hidden row shows all.
  for (const link of document.querySelectorAll("a[data-verdict]"))
    link.addEventListener("click", () => choose({ ...link.dataset }));

  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.closest("[hidden]")) {
      choose({ verdict: "", page: "" });
      target.scrollIntoView();
    }
  }

  addEventListener("hashchange", reveal);
  show();
})();
