// Keeps the console up to date, and copies. Every page works without it.
"use strict";
const live = document.getElementById("live");
const told = document.getElementById("told");

function prepare() {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.onclick = async () => {
      const label = button.textContent;
      try {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not copied: select the text";
      }
      setTimeout(() => { button.textContent = label; }, 2000);
    };
  }
}

// Whoever reads, selects or presses here must not lose it.
function busy() {
  const selected = getSelection();
  return document.hidden || (!selected.isCollapsed && live.contains(selected.anchorNode));
}

async function text(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.status);
  return answer.text();
}

async function renew() {
  const page = new DOMParser().parseFromString(await text(location.href), "text/html");
  const fresh = page.getElementById("live");
  const focused = document.activeElement && document.activeElement.id;
  for (const open of live.querySelectorAll("details[open]")) {
    const same = fresh.querySelector("#" + CSS.escape(open.id));
    if (same) same.open = true;
  }
  live.replaceChildren(...fresh.childNodes);
  live.dataset.version = fresh.dataset.version;
  if (focused) document.getElementById(focused)?.focus();
  prepare();
}

async function look() {
  try {
    if (!busy() && await text("/sandbox/version") !== live.dataset.version) await renew();
    told.textContent = "Up to date: what is new appears by itself.";
  } catch {
    told.textContent = "The sandbox does not answer. This page shows what was.";
  }
  setTimeout(look, 1000);
}

prepare();
if (live) look();
