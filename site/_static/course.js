// What moves on every page: menus that keys open, figures that enlarge on a tap, code that is copied
// by a button.
"use strict";

{
  // The list of pages shows where one is, however long it is.
  const list = document.querySelector(".sidebar-scroll");
  const here = list?.querySelector(".current-page");
  if (here) {
    const below = here.getBoundingClientRect().bottom - list.getBoundingClientRect().bottom;
    // At once: the theme's list would glide there, past the eyes of a reader who has just come.
    if (below > 0) list.scrollBy({ top: below + list.clientHeight / 3, behavior: "instant" });
  }

  // The theme's menus are opened by labels of hidden boxes, which no key reaches.
  const names = { __navigation: "Pages of the course", __toc: "Contents of this page" };
  for (const [id, name] of Object.entries(names)) {
    const box = document.getElementById(id);
    const labels = document.querySelectorAll(`label[for="${id}"]:not(.overlay)`);
    const tell = () => labels.forEach((label) => (label.ariaExpanded = box.checked));
    for (const label of labels) {
      Object.assign(label, { tabIndex: 0, role: "button", title: name });
      label.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        box.click();
      });
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && box.checked) box.click();
    });
    box.addEventListener("change", tell);
    tell();
  }
}

{
  const article = document.querySelector("article");

  // A mark that follows a formula stays on its line.
  for (const formula of article.querySelectorAll("span.math")) {
    const rest = formula.nextSibling;
    const mark = rest?.nodeType === Node.TEXT_NODE && rest.data.match(/^[.,;:!?)’”]+/);
    if (!mark) continue;
    const together = document.createElement("span");
    together.className = "with-its-mark";
    formula.before(together);
    together.append(formula, mark[0]);
    rest.data = rest.data.slice(mark[0].length);
  }

  // Each figure becomes a link to its file, so that Enter works as a tap does; where a picture
  // already stands in a link of its own, such as a card, it stays as it is.
  const links = [];
  for (const image of article.querySelectorAll("img")) {
    let link = image.closest("a");
    if (link && !link.classList.contains("image-reference")) continue;
    if (!link) {
      link = document.createElement("a");
      link.href = image.src;
      image.replaceWith(link);
      link.append(image);
    }
    link.classList.add("enlarge");
    link.title = "Enlarge";
    links.push(link);
  }

  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.setAttribute("aria-label", "Figure, enlarged");
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  const frame = document.createElement("div");
  frame.tabIndex = 0; // a wide picture scrolls by the arrow keys
  dialog.append(close, frame);
  document.body.append(dialog);
  for (const part of [close, frame, dialog]) part.addEventListener("click", () => dialog.close());

  // As large as the screen allows. Where that is hardly larger, it is twice as large, and scrolls.
  function enlarge(image) {
    const large = new Image();
    large.src = image.src;
    large.alt = image.alt;
    const shape = image.naturalWidth / image.naturalHeight;
    const fits = Math.min(innerWidth * 0.96, (innerHeight * 0.88 - 50) * shape);
    const width = fits > 1.3 * image.width ? fits : 2 * image.width;
    large.style.width = `${Math.round(width)}px`;
    frame.replaceChildren(large);
    dialog.showModal();
  }
  for (const link of links) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the file in a tab of its own
      event.preventDefault();
      enlarge(link.querySelector("img"));
    });
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // a page from the disk may lack the newer way
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }
  for (const block of article.querySelectorAll("[class*='highlight-'] > .highlight")) {
    if (block.closest(".cell_output")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      await copy(block.querySelector("pre").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    block.parentElement.classList.add("copied-from");
    block.parentElement.append(button);
  }
}
