// What pages do beyond HTML. Everything here is a comfort: without it the same pages work by sending and reloading.
"use strict";

(() => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;

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

  // One that leads on to the bank by itself does so once: whoever goes back sees how the payment stands.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted && document.querySelector("[data-lead]")) window.location.reload();
  });

  // A page that nobody sees or touches stops asking: else the session of somebody who has left the room would never
  // end (G1).
  let touched = Date.now();
  const touch = () => (touched = Date.now());
  for (const name of ["pointerdown", "pointermove", "keydown", "scroll"]) {
    document.addEventListener(name, touch, { passive: true });
  }
  const isAlone = () => document.hidden || Date.now() - touched > 10 * MINUTE;
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target.getAttribute?.("hx-trigger")?.startsWith("every ") && isAlone()) event.preventDefault();
  });
  let hasTyped = false;
  document.addEventListener("input", () => (hasTyped = true));
  // Whoever is signed out meanwhile is led to the sign-in; after an error what a page shows stays, and it asks again.
  document.addEventListener("htmx:before:response", (event) => {
    const { request, response } = event.detail.ctx;
    const { ok, redirected, status } = response.raw;
    // A form that is looked at while somebody types says with 422 what is wrong so far; it is never thrown away.
    const isForm = request.method === "POST";
    if (!redirected && (ok || (isForm && status === 422))) return;
    event.preventDefault();
    // What somebody has begun to write is not thrown away: it is kept once they send it.
    if (redirected && !isForm && !hasTyped) window.location.reload();
  });

  // A case tells when it has changed; the page then fetches itself and shows what is new. The part that watches stays
  // in the page, so however often its inside is renewed there is one stream, until the case is over.
  const watch = (part) => {
    let source = null;
    const isOver = () => part.querySelector("[data-over]") !== null;
    const refresh = () => window.htmx.trigger(part, "news");
    // What comes at the same moment is shown at once; what the page has already, or keeps no count of, is no news.
    let soon = 0;
    const note = (what, told) => {
      if (!(Number(told) > Number(part.dataset[what]))) return;
      part.dataset[what] = told;
      window.clearTimeout(soon);
      soon = window.setTimeout(refresh, SECOND / 10);
    };
    const close = () => {
      source?.close();
      source = null;
    };
    const open = () => {
      if (source !== null || document.hidden || isOver()) return;
      source = new EventSource(`${part.dataset.live}?version=${part.dataset.version}`);
      source.addEventListener("timeline", (event) => note("newest", event.lastEventId));
      source.addEventListener("changed", (event) => note("version", JSON.parse(event.data).version));
    };
    part.addEventListener("htmx:after:swap", () => {
      // What was just done is in the page now: the note that told of it goes, once there was time to read it.
      const drop = () => document.querySelector("main > .note[role=status]")?.remove();
      window.setTimeout(drop, Math.max(0, 8 * SECOND - performance.now()));
      if (isOver()) close();
    });
    // A hidden page lets its stream go, and looks anew when it is shown again.
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    window.addEventListener("pagehide", close);
    window.addEventListener("pageshow", open);
    // What is left of a time is said by the server, so that it is said in one way.
    window.setInterval(() => {
      if (!isAlone() && !isOver() && part.querySelector("[data-until]")) refresh();
    }, MINUTE);
    open();
  };

  // Keys of the inbox: j and k go through the tasks, Enter opens; never while somebody types.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest?.("input, textarea, select")) return;
    const links = [...document.querySelectorAll("[data-task]")];
    const step = { j: 1, k: -1 }[event.key];
    if (!step || !links.length) return;
    const at = links.indexOf(document.activeElement);
    links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
  });

  // What is wrong with a field is gone once something else is typed there; what nobody says any more goes from the
  // summary, and the summary after its last line.
  document.addEventListener("input", ({ target }) => {
    const field = target.closest?.(".field");
    if (!field?.querySelector(".field-error")) return;
    for (const wrong of field.querySelectorAll(".field-error")) wrong.remove();
    for (const one of [field, ...field.querySelectorAll("*")]) {
      one.classList.remove("is-invalid");
      one.removeAttribute("aria-invalid");
    }
    const told = [...document.querySelectorAll(".field-error")].map((wrong) => wrong.textContent);
    for (const line of document.querySelectorAll(".problems li:has(a)")) {
      if (!told.includes(line.textContent)) line.remove();
    }
    for (const summary of document.querySelectorAll(".problems:not(:has(li))")) summary.remove();
  });

  // An amount is said in full while it is typed in toman: read as domain/money.py reads it, and said as the server says
  // it, with its words. It stays a text of digits, for numbers here are not exact up to the largest.
  const PERSIAN = "۰۱۲۳۴۵۶۷۸۹";
  const latin = (text) => text.replace(/[۰-۹٠-٩]/g, (digit) => `${PERSIAN}٠١٢٣٤٥٦٧٨٩`.indexOf(digit) % 10);
  const AMOUNT = /^(\d{1,25}|\d{1,3}(?:([,٬،'’ ])\d{3}(?:\2\d{3})*|([./٫])\d{3}(?:\3\d{3})+))(?:([٫.])(\d))?$/;
  const trimmed = (digits) => digits.replace(/^0+(?=\d)/, "");
  const inWords = (digits, { ones, tens, hundreds, thousands, and }) => {
    const said = thousands.map((thousand, place) => {
      const three = Number(digits.padStart(18, "0").slice(15 - 3 * place, 18 - 3 * place));
      const [rest, one] = [three % 100, three % 10];
      const last = rest < ones.length ? [rest && ones[rest]] : [tens[Math.floor(rest / 10)], one && ones[one]];
      const words = [hundreds[Math.floor(three / 100)], ...last].filter(Boolean).join(and);
      return words && [words, thousand].filter(Boolean).join(" ");
    });
    return said.reverse().filter(Boolean).join(and);
  };
  const writer = ({ separator, names }) => (digits) => {
    const grouped = digits.replace(/\B(?=(\d{3})+$)/g, separator);
    return names ? grouped.replace(/\d/g, (digit) => PERSIAN[digit]) : grouped;
  };
  const inToman = (whole, part, words) => {
    const write = writer(words);
    return `${write(whole)}${part === "0" ? "" : `${words.names ? "٫" : "."}${write(part)}`} ${words.toman}`;
  };
  const inFull = (text, words) => {
    const { toman, rial, names } = words;
    const found = AMOUNT.exec(latin(text).replace(/تومان\s*$/, "").trim());
    const whole = trimmed(found?.[1].replace(/\D/g, "") ?? "0");
    const part = found?.[5] ?? "0";
    if (`${whole}${part}` === "00" || whole.length > 16 || (found[4] && whole.length < 4)) return "";
    const both = `${inToman(whole, part, words)} (${writer(words)(trimmed(whole + part))} ${rial})`;
    if (!names) return both;
    const said = [[whole, toman], [part, rial]].filter(([digits]) => digits !== "0");
    return `${both}، ${said.map(([digits, unit]) => `${inWords(digits, names)} ${unit}`).join(names.and)}`;
  };
  document.addEventListener("input", ({ target }) => {
    const said = document.getElementById(target.dataset?.amount);
    if (said) said.textContent = inFull(target.value, JSON.parse(said.dataset.words));
  });

  // What is typed in toman, in rial; null for what is no amount.
  const rialOf = (text) => {
    const found = AMOUNT.exec(latin(text).replace(/تومان\s*$/, "").trim());
    return found && BigInt(`${found[1].replace(/\D/g, "")}${found[5] ?? "0"}`);
  };

  // What is left of an amount without the fee and its VAT, each in parts of ten thousand and rounded down.
  const netOf = (rial, fee, vat) => {
    const charged = (rial * fee) / 10000n;
    return rial - charged - (charged * vat) / 10000n;
  };

  // Amounts that are together something are summed up while they are typed; the server does the same once they are sent.
  document.addEventListener("input", ({ target }) => {
    const followers = target.form?.querySelectorAll("[data-follows]") ?? [];
    if (!followers.length) return;
    const parts = [...target.form.querySelectorAll("[data-amount]")].map(({ value }) => rialOf(value) ?? 0n);
    const sum = parts.reduce((all, part) => all + part, 0n);
    for (const follower of followers) {
      const { follows, of, fee, vat, whole, words, tooMuch } = follower.dataset;
      const rial = follows === "net" ? netOf(rialOf(target.form.elements[of].value) ?? 0n, BigInt(fee), BigInt(vat))
        : follows === "sum" ? sum : BigInt(whole) - sum;
      follower.textContent = rial < 0n ? tooMuch : inToman(`${rial / 10n}`, `${rial % 10n}`, JSON.parse(words));
    }
  });

  // Of two parts that are together a whole, the one that is not typed is the rest; the server does the same.
  document.addEventListener("input", ({ target, isTrusted }) => {
    const both = target.closest?.("[data-shares]");
    if (!both || !isTrusted) return;
    const [first, second] = both.querySelectorAll("[data-amount]");
    const typed = rialOf(target.value);
    if (typed === null) return;
    const rest = BigInt(both.dataset.shares) - typed;
    if (rest < 0n) return;
    const other = target === first ? second : first;
    const words = JSON.parse(document.getElementById(other.dataset.amount).dataset.words);
    const [whole, part] = [`${rest / 10n}`, `${rest % 10n}`];
    other.value = writer(words)(whole) + (part === "0" ? "" : `${words.names ? "٫" : "."}${writer(words)(part)}`);
    other.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // What is there to be copied is marked as soon as it is entered.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.("[data-select]")) event.target.select();
  });

  // What is there to be copied goes to the clipboard by one press, and the button says so for a moment.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const { copy, copied, label = button.textContent } = button.dataset;
    // Without a clipboard (a browser asks for HTTPS, or this very machine) it is marked at least.
    if (!navigator.clipboard) {
      window.getSelection().selectAllChildren(button.previousElementSibling);
      return;
    }
    await navigator.clipboard.writeText(copy);
    button.dataset.label = label;
    button.textContent = copied;
    window.setTimeout(() => (button.textContent = label), 2 * SECOND);
  });

  // A password that is typed for somebody else is shown at a press, and hidden again before a browser could keep it.
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-reveal]");
    if (!button) return;
    const field = document.getElementById(button.dataset.reveal);
    field.type = field.type === "password" ? "text" : "password";
    [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
  });
  document.addEventListener("submit", ({ target }) => {
    for (const button of target.querySelectorAll("[data-reveal]")) {
      if (document.getElementById(button.dataset.reveal).type === "text") button.click();
    }
  });

  // What is secret is in no page that a browser keeps to go back to.
  const forget = (part) => (part.matches("input") ? (part.value = "") : part.remove());
  window.addEventListener("pagehide", () => document.querySelectorAll("[data-forget]").forEach(forget));

  // What may stand on a screen for some seconds only is taken away after them, by the clock: a machine that slept has
  // counted none.
  const hideLater = (part) => {
    const over = Date.now() - performance.now() + Number(part.dataset.hideAfter) * SECOND;
    const look = () => {
      if (Date.now() >= over) forget(part);
    };
    window.setInterval(look, SECOND / 2);
    document.addEventListener("visibilitychange", look);
  };

  // A file is named once it is chosen; one that is too large is said to be so before it is sent.
  document.addEventListener("change", (event) => {
    if (event.target.type === "file") {
      const shown = event.target.parentElement.querySelector(".file-name");
      if (shown && event.target.files.length) shown.textContent = event.target.files[0].name;
    }
    const { most, tooLarge, sending } = event.target.dataset ?? {};
    if (!most) return;
    const isTooLarge = [...event.target.files].some((file) => file.size > Number(most));
    event.target.setCustomValidity(isTooLarge ? tooLarge : "");
    if (isTooLarge) event.target.reportValidity();
    // A picture that was just taken is sent at once, where the page says so.
    else if (sending && event.target.files.length) {
      event.target.parentElement.querySelector(".file-name").textContent = sending;
      event.target.form.requestSubmit();
    }
  });

  // A picture is enlarged and turned in its place, without being fetched again.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-zoom-by], [data-turn-by]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { dataset } = link.closest("[data-viewer]").querySelector(".viewer");
    dataset.zoom = Math.min(4, Math.max(1, Number(dataset.zoom) + Number(link.dataset.zoomBy ?? 0)));
    dataset.turn = (Number(dataset.turn) + Number(link.dataset.turnBy ?? 0)) % 4;
  });

  // What stands behind # in a link is sent to nobody: the form of its page takes it, and the address forgets it.
  const takeFragment = (form) => {
    const fragment = window.location.hash.slice(1);
    // It may also lead to a part of the page.
    if (!fragment || document.getElementById(fragment)) return;
    const field = form.elements[form.dataset.fragment];
    field.value = fragment;
    // htmx begins with a timer of its own, set before this one.
    window.setTimeout(() => field.dispatchEvent(new Event("change", { bubbles: true })));
    window.history.replaceState(null, "", window.location.pathname);
    if ("sendAtOnce" in form.dataset) form.requestSubmit();
  };

  // How long a code is good is counted down from what the server said, whatever this machine's clock says.
  const countDown = (part) => {
    const { countdown, left, over } = part.dataset;
    const two = new Intl.NumberFormat(document.documentElement.lang, { minimumIntegerDigits: 2, useGrouping: false });
    const tick = () => {
      const seconds = Math.ceil(Number(countdown) - performance.now() / SECOND);
      const clock = `${two.format(Math.floor(seconds / 60))}:${two.format(seconds % 60)}`;
      part.textContent = seconds > 0 ? left.replace("{}", clock) : over;
      if (seconds > 0) window.setTimeout(tick, SECOND);
    };
    tick();
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const part of document.querySelectorAll("[data-countdown]")) countDown(part);
    for (const part of document.querySelectorAll("[data-hide-after]")) hideLater(part);
    focusProblems(document);
    for (const form of document.querySelectorAll("[data-fragment]")) takeFragment(form);
    for (const part of document.querySelectorAll("[data-live]")) watch(part);
    for (const box of document.querySelectorAll("[data-check-all]")) {
      box.addEventListener("change", () => {
        for (const one of box.form.querySelectorAll('input[type="checkbox"][name]')) one.checked = box.checked;
      });
    }
  });
})();
