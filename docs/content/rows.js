// Of notes and code side by side, the shorter stays in view while the longer passes; what is taller than the window
// stays with its end in view.
(function () {
  "use strict";
  const columns = document.querySelectorAll(".row > .note, .row > .code");
  const header = document.querySelector("header").offsetHeight;

  function hold(column) {
    column.style.setProperty("--top", `${Math.min(header + 16, innerHeight - column.offsetHeight - 16)}px`);
  }

  const observer = new ResizeObserver((entries) => entries.forEach((entry) => hold(entry.target)));
  for (const column of columns) observer.observe(column);
  addEventListener("resize", () => columns.forEach(hold));
})();
