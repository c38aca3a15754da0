// Small mends of the theme's pages. The text needs none of them.
document.addEventListener("DOMContentLoaded", () => {
  // Only what really scrolls should be a stop for the Tab key.
  const wide = document.querySelectorAll("div.math, .table-scroll, .figure-scroll, .frame");
  const mark = () => wide.forEach((box) => {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
  mark();
  addEventListener("resize", mark);
  addEventListener("change", mark); // another frame of a moving figure
  addEventListener("toggle", mark, true); // what was folded away had no width

  // A result of the search quotes text: no launch links, no formula twice, no words run together.
  if (typeof Search !== "undefined") {
    const quote = Search.htmlToText;
    Search.htmlToText = (html, anchor) => {
      const page = new DOMParser().parseFromString(html, "text/html");
      const left = ".course-launch, .course-pipeline, .katex-mathml";
      page.querySelectorAll(left).forEach((part) => part.remove());
      page.querySelectorAll("h1, h2, h3, dt, dd, th, td").forEach((part) => part.append(" "));
      return quote(page.documentElement.outerHTML, anchor);
    };
  }

  // On paper every hint and every explanation stands open; those of one question, which share a
  // name and so close each other, lose it for as long.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = document.querySelectorAll("article details:not([open])");
    document.querySelectorAll("article details[name]").forEach((hint) => {
      hint.dataset.name = hint.getAttribute("name");
      hint.removeAttribute("name");
    });
    closed.forEach((hint) => (hint.open = true));
  });
  addEventListener("afterprint", () => {
    closed.forEach((hint) => (hint.open = false));
    document.querySelectorAll("article details[data-name]").forEach((hint) => {
      hint.setAttribute("name", hint.dataset.name);
    });
  });
});

// The theme's buttons that open a part of the contents have no name of their own.
for (const button of document.querySelectorAll(".bd-sidebar-primary li summary")) {
  const part = button.closest("li").querySelector("a").textContent.trim();
  button.setAttribute("aria-label", `Pages of ${part}`);
}
