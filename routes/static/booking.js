// Counts down the time of a held place. Without it the page tells until when the place is held.
"use strict";

const left = document.querySelector("[data-seconds]");
if (left) {
  const over = performance.now() + 1000 * Number(left.dataset.seconds);

  function show() {
    const seconds = Math.max(0, Math.ceil((over - performance.now()) / 1000));
    left.textContent = seconds ? `jeszcze ${Math.floor(seconds / 60)} min ${seconds % 60} s` : "czas minął";
    left.closest(".left").classList.toggle("short", seconds < 60);
    if (seconds) setTimeout(show, 1000);
  }

  show();
}
