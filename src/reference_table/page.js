
"use strict";
const search = document.getElementById("search");
const count = document.getElementById("count");
const sections = [...document.querySelectorAll("section")].map((element) => [element, element.textContent.toLowerCase()]);
function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [element, text] of sections) {
    element.hidden = !words.every((word) => text.includes(word));
    shown += element.hidden ? 0 : 1;
  }
  count.textContent = words.length ? shown + " of " + sections.length : "";
}
function follow() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  if (target.hidden) {
    search.value = "";
    filter();
  }
  target.scrollIntoView();
  target.focus({ preventScroll: true });
}
search.addEventListener("input", filter);
addEventListener("hashchange", follow);
addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape") {
    search.value = "";
    filter();
  }
});
follow();
