// A button on each block of code that copies it.
(function () {
  "use strict";

  // Browsers that keep the clipboard from pages on disk still copy what is selected.
  function copySelected(text) {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "off-screen";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copySelected(text);
    }
  }

  for (const box of document.querySelectorAll(".copyable")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    let timer = 0;
    button.addEventListener("click", async () => {
      const copied = await copy(box.querySelector("pre").textContent.trimEnd() + "\n");
      button.focus();
      button.textContent = copied ? "Copied" : "Not copied";
      clearTimeout(timer);
      timer = setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    box.append(button);
  }
})();
