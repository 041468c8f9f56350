// On a narrow screen, code, tables, formulas and figures scroll sideways in boxes of their own.
// Touch screens show no bar, so a box with more to its right fades there until it is scrolled.
{
  const FORMULAS = "mjx-container:not([display])"; // those within a line
  const BOXES =
    "pre, .cell_output > .output, .pst-scrollable-table-container, mjx-container[display], .wide";

  // A formula within a line is no box, and has its baseline there, unless it is too long for any line.
  function widen(formula) {
    const line = formula.closest("p, li, dd, td, div").clientWidth;
    if (line) formula.classList.toggle("wide", Math.max(formula.offsetWidth, formula.scrollWidth) > line);
  }
  function look(box) {
    box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
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
  });
  window.addEventListener("load", () => {
    lookAll();
    window.MathJax?.startup?.promise.then(lookAll);
  });
  window.addEventListener("resize", lookAll);
  document.addEventListener("toggle", lookAll, true);
  document.addEventListener("scroll", (event) => event.target.matches?.(BOXES) && look(event.target), true);
}
