// Follows a plan while it is computed, and narrows the list of places in the form. Without it the pages work, too.
"use strict";

const EVERY_MS = 1000;

function follow(place) {
  const spoken = document.getElementById("spoken");
  const state = place.querySelector(".progress").dataset.state;
  let failures = 0;

  async function look() {
    try {
      const answer = await fetch(place.dataset.source, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".progress");
      if (fresh.dataset.state !== state) {
        location.reload();
        return;
      }
      place.replaceChildren(fresh);
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === 5) {
        spoken.classList.remove("hidden");
        spoken.textContent = "Nie można odczytać postępu. Odśwież stronę.";
        return;
      }
    }
    setTimeout(look, EVERY_MS * (1 + failures));
  }

  setTimeout(look, EVERY_MS);
}

function narrow(field, list) {
  const choices = [...list.querySelectorAll("label")];
  const texts = choices.map((choice) => choice.textContent.toLocaleLowerCase("pl"));
  field.hidden = false;
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLocaleLowerCase("pl");
    choices.forEach((choice, at) => {
      choice.hidden = !texts[at].includes(wanted) && !choice.querySelector("input").checked;
    });
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
}

const place = document.getElementById("progress");
if (place) follow(place);

const field = document.getElementById("filter");
if (field) narrow(field, document.getElementById("sites"));
