// What a name in the code is: shown while the pointer is on it, or the keyboard, or after a tap. Escape puts it away.
// Tab comes to each block of code once; from there the arrow keys go from name to name.
(function () {
  "use strict";
  const named = "[data-tip]";
  const content = document.getElementById("content");
  let owner = null;
  let tip = null;
  let leaving = 0;

  function hide() {
    clearTimeout(leaving);
    if (tip?.matches(":popover-open")) tip.hidePopover();
    owner?.removeAttribute("aria-describedby");
    owner = tip = null;
  }

  function place() {
    const name = owner.getBoundingClientRect();
    const left = Math.min(name.left, innerWidth - tip.offsetWidth - 8);
    const isBelow = name.bottom + 4 + tip.offsetHeight < innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${isBelow ? name.bottom + 4 : Math.max(8, name.top - tip.offsetHeight - 4)}px`;
  }

  function show(name) {
    clearTimeout(leaving);
    if (name === owner) return;
    hide();
    const found = document.getElementById(name.dataset.tip);
    if (!found?.showPopover) return;
    owner = name;
    tip = found;
    tip.popover = "manual";
    tip.showPopover();
    owner.setAttribute("aria-describedby", tip.id);
    place();
  }

  // The pointer may cross over to the tip, to read or to copy it.
  document.addEventListener("mouseover", (event) => {
    if (tip?.contains(event.target)) return clearTimeout(leaving);
    const name = event.target.closest?.(named);
    if (name) return show(name);
    clearTimeout(leaving);
    if (owner && owner !== document.activeElement) leaving = setTimeout(hide, 150);
  });

  function focus(name) {
    for (const each of name.closest("pre").querySelectorAll(`${named}[tabindex="0"]`)) each.tabIndex = -1;
    name.tabIndex = 0;
    name.focus();
  }

  content.addEventListener("click", (event) => {
    const name = event.target.closest(named);
    if (name && !event.target.closest("a") && getSelection().isCollapsed) focus(name);
  });
  content.addEventListener("focusin", (event) => event.target.matches(named) && show(event.target));
  content.addEventListener("focusout", (event) => event.target === owner && hide());
  document.addEventListener("pointerdown", (event) => tip && !tip.contains(event.target) && event.target.closest(named) !== owner && hide());
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("scroll", () => owner && place(), { capture: true, passive: true });

  const middle = ({ left, right }) => (left + right) / 2;

  // The nearest name in the next line that has any, upwards or downwards.
  function across(names, from, direction) {
    const start = from.getBoundingClientRect();
    const boxes = names.map((name) => ({ name, box: name.getBoundingClientRect() }));
    const beyond = boxes.filter(({ box }) => (box.top - start.top) * direction > start.height / 2);
    const line = Math.min(...beyond.map(({ box }) => box.top * direction)) * direction;
    const distance = ({ box }) => Math.abs(middle(box) - middle(start));
    return beyond.filter(({ box }) => Math.abs(box.top - line) < 4).sort((a, b) => distance(a) - distance(b))[0]?.name;
  }

  content.addEventListener("keydown", (event) => {
    const name = event.target;
    if (!name.matches(named) || event.ctrlKey || event.altKey || event.metaKey) return;
    const names = [...name.closest("pre").querySelectorAll(named)];
    const at = names.indexOf(name);
    const target = {
      ArrowRight: () => names[at + 1],
      ArrowLeft: () => names[at - 1],
      ArrowDown: () => across(names, name, 1),
      ArrowUp: () => across(names, name, -1),
      Home: () => names[0],
      End: () => names.at(-1),
    }[event.key];
    if (!target) return;
    event.preventDefault();
    const found = target();
    if (found) focus(found);
  });

  for (const pre of content.querySelectorAll(`pre:has(${named})`)) pre.querySelector(named).tabIndex = 0;
})();
