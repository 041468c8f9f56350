// On a narrow screen, code, tables, formulas and figures scroll sideways in boxes of their own, and
// some tables become blocks (.stacked).
// Touch screens show no bar, so a box with more to its right fades there until it is scrolled.
{
  const FORMULAS = "mjx-container:not([display])"; // those within a line
  const BOXES =
    "pre, .cell_output > .output, .pst-scrollable-table-container, .tab-panel, mjx-container[display], .wide";

  // A formula within a line is no box, and has its baseline there, unless it is too long for any line.
  function widen(formula) {
    const line = formula.closest("p, li, dd, td, div").clientWidth;
    if (!line) return; // in a fold that is closed
    const cell = formula.closest("td, th");
    const grows = cell && getComputedStyle(cell).display === "table-cell"; // its table is the box
    const wide = !grows && Math.max(formula.offsetWidth, formula.scrollWidth) > line + 1;
    formula.classList.toggle("wide", wide);
    if (!wide) formula.classList.remove("more"); // it is no box any more
  }
  function look(box) {
    const hidden = box.scrollWidth - box.scrollLeft - box.clientWidth;
    box.classList.toggle("more", hidden > (box.matches(".picture") ? 16 : 2)); // a margin is no message
  }
  function lookAll() {
    document.querySelectorAll(FORMULAS).forEach(widen);
    document.querySelectorAll(BOXES).forEach(look);
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const picture of document.querySelectorAll(".cell_output > img")) {
      const box = document.createElement("div");
      box.className = "output picture"; // the theme puts an output that scrolls into the Tab order
      picture.replaceWith(box);
      box.append(picture);
    }
    for (const panel of document.querySelectorAll(".tab-panel")) panel.tabIndex = 0;
    // a word of code keeps its hyphens, unless it is too long for a phone's line
    for (const word of document.querySelectorAll("code.literal .pre")) {
      word.classList.toggle("whole", word.textContent.length <= 30);
    }
    // where a table's rows become blocks, each cell says its column
    for (const table of document.querySelectorAll(".stacked table")) {
      const headings = [...table.querySelectorAll("thead th")].map((heading) => heading.textContent.trim());
      for (const row of table.querySelectorAll("tbody tr")) {
        [...row.cells].forEach((cell, i) => {
          if (i && headings[i] && cell.textContent.trim()) cell.dataset.heading = headings[i];
        });
      }
    }
  });
  window.addEventListener("load", () => {
    lookAll();
    window.MathJax?.startup?.promise.then(lookAll);
  });
  window.addEventListener("resize", lookAll);
  document.addEventListener("toggle", lookAll, true);
  document.addEventListener("change", lookAll); // of a tab
  document.addEventListener("scroll", (event) => event.target.matches?.(BOXES) && look(event.target), true);
}
