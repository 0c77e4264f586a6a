// The menu at the side: opened and closed, and its list of sections follows the reader.
(function () {
  "use strict";
  const root = document.documentElement;
  const side = document.getElementById("side");
  const button = document.getElementById("menu-button");
  const links = new Map([...document.querySelectorAll("#toc a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]));

  // Where there is room the style sheet docks the menu beside the text; elsewhere it opens over the text.
  const isDocked = () => getComputedStyle(side).getPropertyValue("--docked").trim() === "1";
  const isOpen = () => getComputedStyle(side).display !== "none";
  const tell = () => button.setAttribute("aria-expanded", String(isOpen()));

  function set(open) {
    if (isDocked()) root.dataset.side = open ? "open" : "closed";
    else document.body.classList.toggle("menu-open", open);
    if (isDocked()) remember(open);
    tell();
    if (open) showCurrent("center");
  }

  function remember(open) {
    try {
      if (open) localStorage.removeItem("hybrid-side");
      else localStorage.setItem("hybrid-side", "closed");
    } catch {
      // Storage is off: the choice lasts as long as the page.
    }
  }

  const isOverText = () => document.body.classList.contains("menu-open");
  button.addEventListener("click", () => set(!isOpen()));
  side.addEventListener("click", (event) => event.target.closest("a") && isOverText() && set(false));
  document.getElementById("content").addEventListener("pointerdown", () => isOverText() && set(false));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !isOverText()) return;
    set(false);
    button.focus();
  });

  // A menu that was opened over the text stays open only as long as it has no place of its own.
  addEventListener("resize", () => {
    if (isDocked()) document.body.classList.remove("menu-open");
    tell();
  });

  let current = null;

  // Scrolls the menu, never the page, and not under the hands of a reader who is using it.
  function showCurrent(place) {
    if (!current || !isOpen()) return;
    const box = side.getBoundingClientRect();
    const link = current.getBoundingClientRect();
    const isInView = link.top >= box.top + 40 && link.bottom <= box.bottom - 40;
    if (place === "center" || (!isInView && !side.matches(":hover, :focus-within")))
      side.scrollTop += link.top - box.top - box.height / 2;
  }

  const headings = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);

  function follow() {
    const line = innerHeight * 0.25;
    const heading = headings.findLast((each) => each.getBoundingClientRect().top < line);
    const link = (heading && links.get(heading.id)) ?? null;
    if (link === current) return;
    current?.removeAttribute("aria-current");
    link?.setAttribute("aria-current", "location");
    current = link;
    showCurrent();
  }

  // Tells whenever a heading crosses the line below which a section is not yet being read. The margin above takes in the
  // whole page, so that a jump past many headings is told too.
  const observer = new IntersectionObserver(follow, { rootMargin: "1000000px 0px -75% 0px" });
  for (const heading of headings) observer.observe(heading);
  tell();
})();
