// What is wider than its column scrolls in itself; then, and only then, the keyboard has to reach it.
(function () {
  "use strict";
  const observer = new ResizeObserver((entries) => entries.forEach((entry) => update(entry.target.closest("pre, .table-box, .formula > .math"))));

  function update(box) {
    const scrolls = box.scrollWidth > box.clientWidth + 1;
    box.classList.toggle("scrolls", scrolls);
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
    if (!box.dataset.name) return;
    if (scrolls) {
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", box.dataset.name);
    } else {
      box.removeAttribute("role");
      box.removeAttribute("aria-label");
    }
  }

  // A hint lies on the side to which there is more.
  function hint(box) {
    box.classList.toggle("at-end", box.scrollLeft + box.clientWidth >= box.scrollWidth - 1);
  }

  for (const box of document.querySelectorAll("#content pre, .table-box, .formula > .math")) {
    observer.observe(box);
    if (box.firstElementChild) observer.observe(box.firstElementChild);
    box.addEventListener("scroll", () => hint(box), { passive: true });
  }
})();
