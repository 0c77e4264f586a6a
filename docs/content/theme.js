// Runs before the page is drawn: ?theme=dark|light in the address, else what the reader chose, else the system.
(function () {
  "use strict";
  const key = "hybrid-theme";
  const asked = new URLSearchParams(location.search).get("theme");
  let chosen = null;
  try {
    chosen = localStorage.getItem(key);
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
  const theme = asked ?? chosen;
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme-button");
    const isDark = () =>
      (document.documentElement.dataset.theme ??
        (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const label = () => (button.textContent = isDark() ? "Light" : "Dark");
    button.addEventListener("click", () => {
      const next = isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      try {
        localStorage.setItem(key, next);
      } catch {
        // As above.
      }
      label();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
    label();
  });
})();
