// What pages do beyond HTML. Everything here is a comfort: without it the same pages work by sending and reloading.
"use strict";

(() => {
  const SECOND = 1000;

  // An error summary that came with the page is where the reader goes first.
  const focusProblems = (root) => root.querySelector?.("[data-focus]")?.focus();

  // Forms are sent once, however often the button is pressed; the key in them makes a second sending harmless anyway.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    window.setTimeout(() => delete form.dataset.sent, 5 * SECOND);
  });
  // A page that the browser kept while going back is whole again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // A case tells of each new line in its timeline; the page then fetches itself and shows what is new.
  const watch = (part) => {
    let newest = Number(part.dataset.newest || 0);
    let source = null;
    const refresh = () => window.htmx.trigger(part, "news");
    const open = () => {
      source = new EventSource(part.dataset.live);
      source.addEventListener("timeline", (event) => {
        const id = Number(event.lastEventId);
        if (id > newest) {
          newest = id;
          refresh();
        }
      });
    };
    // A hidden page lets its stream go, and looks anew when it is shown again.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        source?.close();
        source = null;
      } else if (source === null && part.isConnected) {
        open();
      }
    });
    window.addEventListener("pagehide", () => source?.close());
    open();
  };

  // Keys of the inbox: j and k go through the tasks, Enter opens; never while somebody types.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select")) return;
    const links = [...document.querySelectorAll("[data-task]")];
    const step = { j: 1, k: -1 }[event.key];
    if (!step || !links.length) return;
    const at = links.indexOf(document.activeElement);
    links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  });

  document.addEventListener("DOMContentLoaded", () => {
    focusProblems(document);
    for (const part of document.querySelectorAll("[data-live]")) watch(part);
    for (const box of document.querySelectorAll("[data-check-all]")) {
      box.addEventListener("change", () => {
        for (const one of box.form.querySelectorAll('input[type="checkbox"][name]')) one.checked = box.checked;
      });
    }
  });
})();
