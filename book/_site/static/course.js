// Small mends of the theme's pages. The text needs none of them.
document.addEventListener("DOMContentLoaded", () => {
  // Only what really scrolls should be a stop for the Tab key.
  const wide = document.querySelectorAll("div.math, div.table-scroll");
  const mark = () => wide.forEach((box) => {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  mark();
  addEventListener("resize", mark);

  // On paper every hint stands open.
  const closed = [...document.querySelectorAll("article details:not([open])")];
  addEventListener("beforeprint", () => closed.forEach((hint) => (hint.open = true)));
  addEventListener("afterprint", () => closed.forEach((hint) => (hint.open = false)));
});
