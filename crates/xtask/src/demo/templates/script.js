// Niceties only: without this script every link and fold works as the browser does it.
(() => {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const wide = matchMedia("(min-width: 62rem)");

  // Next to the analysis the transcript scrolls by itself, so that the reader keeps the place on the page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href*="-t"]');
    const turn = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!turn) return;
    document.querySelectorAll(".turn.shown").forEach((shown) => shown.classList.remove("shown"));
    turn.classList.add("shown");
    if (!wide.matches) return;
    event.preventDefault();
    const turns = turn.parentElement;
    const top = turn.offsetTop - turns.offsetTop - (turns.clientHeight - turn.offsetHeight) / 2;
    turns.scrollTo({ top, behavior: still ? "auto" : "smooth" });
  });

  const cards = [...document.querySelectorAll(".card")];
  for (const button of document.querySelectorAll("[data-all]")) {
    button.addEventListener("click", () => cards.forEach((card) => (card.open = button.dataset.all === "open")));
  }
  const filter = document.getElementById("filter");
  filter.addEventListener("change", () => {
    for (const element of document.querySelectorAll("[data-category]")) {
      element.hidden = filter.value !== "" && element.dataset.category !== filter.value;
    }
  });
  document.querySelector(".tools").hidden = false;

  // A link from the overview opens the session it leads to.
  const reveal = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", reveal);
  reveal();
})();
