// Keeps a page of a sign-in up to date. Without it everything works by loading the page again.
(() => {
  "use strict";
  const page = document.querySelector("main[data-poll]");
  if (!page) return;
  const { state, poll, here } = page.dataset;
  const status = document.getElementById("status");
  const stuck = document.getElementById("stuck");
  let pause = 1000;

  // A hand-over that took so long will not happen by itself. The clock of a page behind another window
  // goes by whole seconds: this is one of them.
  if (stuck) {
    setTimeout(() => {
      stuck.open = true;
      status.textContent = "The terminal does not answer.";
    }, 800);
  }

  for (const form of document.querySelectorAll("form[target=_blank]")) {
    form.addEventListener("submit", (event) => {
      if (event.submitter?.formTarget === "_self") return;
      status.textContent = "Handing over to your terminal …";
      pause = 200;
    });
  }

  const look = async () => {
    try {
      const answer = await fetch(poll, { cache: "no-store", credentials: "same-origin" });
      const now = answer.ok ? (await answer.json()).state : null;
      if (now !== state && answer.status < 500) return location.replace(here);
    } catch {
      // The platform may be back at the next look.
    }
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
})();
