"use strict";
// What the theme leaves out for those who use a keyboard or have a page read to them.

// The arrow that unfolds a part of the contents has no words.
for (const arrow of document.querySelectorAll(".bd-links summary")) {
  const part = arrow.closest("li").querySelector("a");
  arrow.setAttribute("aria-label", `Pages of ${part.textContent.trim()}`);
}

// The bibliography is marked as a list whose children are no items of a list; it reads well as paragraphs.
for (const list of document.querySelectorAll(".citation-list[role=list]")) list.removeAttribute("role");

// A table or figure wider than its page is scrolled with the arrow keys, so the keyboard must reach it.
const reachable = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
const wide = ".pst-scrollable-table-container, .bd-article figure:has(> img)";
for (const box of document.querySelectorAll(wide)) reachable.observe(box);
