// The search: a dialog over pages, equations and the API. Its index is a script, so that it also works from disk.
(function () {
  "use strict";
  const site = new URL("../", document.currentScript.src);
  const most = 40;
  const kinds = { section: "Page", equation: "Equation", type: "Type", member: "Member" };

  const weights = { section: 1, equation: 0.6, type: 1, member: 0.8 };

  // LN-3 is one word; other hyphens part words.
  const isEquation = (word) => /^\p{L}[\p{L}\d]*-\d+\p{L}?$/u.test(word);
  const words = (text) =>
    (text.match(/[\p{L}\p{M}\p{N}_-]+/gu) ?? [])
      .flatMap((word) => (isEquation(word) ? [word] : word.split("-")))
      .filter((word) => word !== "");
  // SoftmaxRows is found by its parts, too.
  const withParts = (word) => {
    const parts = isEquation(word) ? [] : (word.match(/\p{Lu}?\p{Ll}+|\p{Lu}+(?!\p{Ll})|\p{N}+\p{Ll}?/gu) ?? []);
    return parts.length > 1 ? [word, ...parts] : [word];
  };
  const escaped = (term) => term.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const plain = (term) => term.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  let dialog, input, list, status;
  let engine = null;
  let entries = [];

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function build() {
    input = element("input", {
      id: "search-input",
      type: "text",
      autocomplete: "off",
      spellcheck: false,
      enterKeyHint: "go",
      placeholder: "Pages, equations, API",
    });
    input.setAttribute("aria-label", "Search pages, equations and the API");
    const close = element("button", { type: "button", className: "close", textContent: "Close" });
    list = element("ol", { id: "search-results" });
    status = element("p", { id: "search-status" });
    status.setAttribute("aria-live", "polite");
    const help = element("p", { className: "help", textContent: "↑ ↓ to choose, Enter to open, Escape to close" });
    dialog = element(
      "dialog",
      { id: "search" },
      element("div", { className: "frame" }, element("div", { className: "field" }, input, close), status, list, help),
    );
    dialog.setAttribute("aria-label", "Search");
    document.body.append(dialog);

    close.addEventListener("click", () => dialog.close());
    // What lies outside the frame is the dialog itself: its backdrop.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    list.addEventListener("click", (event) => event.target.closest("a") && dialog.close());
    input.addEventListener("input", show);
    dialog.addEventListener("keydown", steer);
  }

  function load(path) {
    return new Promise((resolve, reject) => {
      const script = element("script", { src: new URL(path, site).href });
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(`${path} could not be loaded; build the site again.`)));
      document.head.append(script);
    });
  }

  async function prepare() {
    status.textContent = "Loading the index …";
    try {
      await Promise.all([load("content/vendor/minisearch/minisearch.js"), load("content/search-index.js")]);
      const { pages, entries: rows } = self.hybridSearch;
      entries = rows.map(([kind, page, anchor, title, path, text], id) => ({
        id,
        kind,
        address: pages[page][0] + anchor,
        title,
        // A page's first section bears the page's title, and so does a type.
        page: title === pages[page][1] || kind === "member" ? "" : pages[page][1],
        path,
        text,
      }));
      engine = new MiniSearch({
        fields: ["title", "page", "path", "text"],
        tokenize: (text) => words(text).flatMap(withParts),
        processTerm: (term) => plain(term) || null,
        searchOptions: {
          tokenize: words,
          boost: { title: 6, path: 2, page: 2 },
          prefix: (term) => term.length > 1,
          // A wrong letter in a long word; an id is typed as it is.
          fuzzy: (term) => (term.length > 4 && !/\d/.test(term) ? 0.2 : false),
          weights: { prefix: 0.5, fuzzy: 0.2 },
        },
      });
      engine.addAll(entries);
      show();
    } catch (error) {
      status.textContent = error.message;
    }
  }

  function find(query) {
    const asked = plain(query.trim());
    const boostDocument = (id) => {
      const title = plain(entries[id].title);
      return title === asked || title.replace(/<.*>/, "") === asked ? 10 : weights[entries[id].kind];
    };
    const every = engine.search(query, { combineWith: "AND", boostDocument });
    const found = every.length > 0 ? every : engine.search(query, { boostDocument });
    // LN and LN- ask for the equations LN-1, LN-2, ... in their order.
    const family = asked.replace(/-$/, "") + "-";
    const [asIds, others] = [[], []];
    for (const result of found) {
      const { kind, title } = entries[result.id];
      (kind === "equation" && plain(title).startsWith(family) ? asIds : others).push(result);
    }
    return [...asIds.sort((a, b) => a.id - b.id), ...others];
  }

  // The text with the words that were found marked.
  function marked(text, terms) {
    const made = document.createDocumentFragment();
    const start = terms.map(escaped).join("|");
    if (start === "") return made.append(text), made;
    let end = 0;
    for (const found of text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])(?:${start})|(?<=\\p{Ll})(?=\\p{Lu})(?:${start})`, "giu"))) {
      made.append(text.slice(end, found.index), element("mark", { textContent: found[0] }));
      end = found.index + found[0].length;
    }
    made.append(text.slice(end));
    return made;
  }

  function excerpt(text, terms) {
    const lower = text.toLowerCase();
    const places = terms.map((term) => lower.search(new RegExp(`(?<![\\p{L}\\p{N}])${escaped(term)}`, "u")));
    const first = Math.min(...places.filter((place) => place >= 0), text.length);
    const from = first === text.length || first < 60 ? 0 : text.indexOf(" ", first - 60) + 1;
    const part = text.slice(from, from + 180);
    const whole = from + 180 >= text.length;
    return (from > 0 ? "… " : "") + (whole ? part : part.replace(/\s\S*$/, " …"));
  }

  function item({ id, terms }) {
    const { kind, address, title, page, path, text } = entries[id];
    const longest = [...terms].sort((a, b) => b.length - a.length);
    const name = element("span", { className: "name" }, marked(title, longest));
    const where = [page, path].filter((part) => part !== "").join(" › ");
    const link = element(
      "a",
      { href: new URL(address, site).href },
      element("span", { className: "kind", textContent: kinds[kind] }),
      name,
      element("span", { className: "where", textContent: where }),
      // An equation's formula comes first and is always shown.
      element("span", { className: "excerpt" }, marked(excerpt(text, kind === "equation" ? [] : longest), longest)),
    );
    return element("li", { className: kind }, link);
  }

  function show() {
    if (!engine) return;
    const query = input.value.trim();
    const results = query === "" ? [] : find(query);
    list.replaceChildren(...results.slice(0, most).map(item));
    list.scrollTop = 0;
    if (query === "") status.textContent = "";
    else if (results.length === 0)
      status.textContent = `Nothing is found for “${query}”. Fewer letters or another word may help.`;
    else if (results.length > most) status.textContent = `${results.length} results, the best ${most} shown`;
    else status.textContent = results.length === 1 ? "1 result" : `${results.length} results`;
  }

  // Arrows go from the field through the links; letters typed on a link go to the field.
  function steer(event) {
    const links = [...list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && links.length > 0) {
      event.preventDefault();
      const next = at + step;
      (next < 0 ? input : links[Math.min(next, links.length - 1)]).focus();
    } else if (event.key === "Enter" && document.activeElement === input && links.length > 0) {
      event.preventDefault();
      links[0].click();
    } else if (at >= 0 && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ") {
      input.focus();
    }
  }

  function open() {
    if (!dialog) build();
    if (dialog.open) return;
    dialog.showModal();
    input.focus();
    input.select();
    if (!engine) prepare();
  }

  const isTyping = (target) => target.isContentEditable || target.matches?.("input, textarea, select");
  document.getElementById("search-button")?.addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target);
    const isK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!isSlash && !isK) return;
    event.preventDefault();
    open();
  });
})();
