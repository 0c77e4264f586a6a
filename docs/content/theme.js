// Runs before the page is drawn: ?theme=dark|light in the address, else what the reader chose, else the system.
(function () {
  "use strict";
  const key = "hybrid-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const asked = new URLSearchParams(location.search).get("theme");
  let chosen = null;
  try {
    chosen = localStorage.getItem(key);
  } catch {
    // Storage is off: the choice lasts as long as the page.
  }
  const theme = asked ?? chosen;
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;

  // Whoever chooses what the system says follows the system again.
  function choose(theme) {
    const isSystem = theme === (system.matches ? "dark" : "light");
    if (isSystem) delete root.dataset.theme;
    else root.dataset.theme = theme;
    try {
      if (isSystem) localStorage.removeItem(key);
      else localStorage.setItem(key, theme);
    } catch {
      // As above.
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme-button");
    const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
    const tell = () => button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", () => {
      choose(isDark() ? "light" : "dark");
      tell();
    });
    system.addEventListener("change", tell);
    tell();
  });
})();
