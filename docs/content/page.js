// Lays a page out: notes beside code, formulas, tips, and the list of contents.
(function () {
  "use strict";
  const content = document.getElementById("content");

  // Groups each run of notes with the run of code and output that follows it.
  function pairRows() {
    if (!document.body.classList.contains("literate")) return;
    const belongsRight = (e) => e.matches("pre, table.pre, figure, .table-box:has(> table.results)");
    const elements = [...content.children].filter((e) => !e.matches(".fsdocs-tip, script"));
    let row = null;
    let hasCode = false;
    for (const element of elements) {
      const right = belongsRight(element);
      const startsSection = element.matches("h1, h2");
      if (!row || startsSection || (!right && hasCode)) {
        row = document.createElement("section");
        row.className = "row";
        row.innerHTML = '<div class="note"></div><div class="code"></div>';
        content.insertBefore(row, element);
        hasCode = false;
      }
      hasCode ||= right;
      row.children[right ? 1 : 0].append(element);
    }
    for (const each of content.querySelectorAll(".row")) {
      each.classList.toggle("notes-only", !each.children[1].hasChildNodes());
      each.classList.toggle("code-only", !each.children[0].hasChildNodes());
    }
  }

  function drawFormulas() {
    renderMathInElement(content, {
      delimiters: [
        { left: "\\[", right: "\\]", display: true },
        { left: "\\(", right: "\\)", display: false },
      ],
      throwOnError: false,
    });
  }

  // The type of a name in F# code, shown while the pointer is on it.
  function showTips() {
    let shown = null;
    const hide = () => shown?.hidePopover();
    document.addEventListener("mouseover", (event) => {
      const name = event.target.closest?.("[data-fsdocs-tip]");
      hide();
      shown = name && document.getElementById(name.dataset.fsdocsTip);
      if (!shown?.showPopover) return (shown = null);
      shown.showPopover();
      const place = name.getBoundingClientRect();
      const left = Math.min(place.left, innerWidth - shown.offsetWidth - 16);
      const below = place.bottom + 6 + shown.offsetHeight < innerHeight;
      shown.style.left = `${Math.max(8, left)}px`;
      shown.style.top = `${below ? place.bottom + 6 : Math.max(8, place.top - shown.offsetHeight - 6)}px`;
    });
  }

  function openContents() {
    const button = document.getElementById("menu-button");
    const set = (open) => {
      document.body.classList.toggle("menu-open", open);
      button.setAttribute("aria-expanded", String(open));
    };
    button.addEventListener("click", () => set(!document.body.classList.contains("menu-open")));
    document.addEventListener("keydown", (event) => event.key === "Escape" && set(false));
    document.getElementById("side").addEventListener("click", (event) => event.target.closest("a") && set(false));
    for (const link of document.querySelectorAll("#side nav:first-child a"))
      if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
  }

  pairRows();
  drawFormulas();
  showTips();
  openContents();
  // The rows have moved what an address with a # points to.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
})();
