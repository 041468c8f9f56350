// On a narrow screen, code, tables, formulas and figures scroll sideways in boxes of their own.
// Touch screens show no bar, so a box with more to its right fades there until it is scrolled.
{
  const BOXES =
    "pre, .cell_output > .output, .pst-scrollable-table-container, mjx-container[display]";

  function look(box) {
    box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
  }
  const lookAll = () => document.querySelectorAll(BOXES).forEach(look);

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
