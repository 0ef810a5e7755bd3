"use strict";

/**
 * What the panels share. A panel is a function of its element and its model in `panels`, under the
 * name that the element has as data-panel; data-model names the model.
 */
const panels = {};

/** The elements of a panel that have a data-part, by its name. */
function parts(root) {
  const named = [...root.querySelectorAll("[data-part]")];
  return Object.fromEntries(named.map((element) => [element.dataset.part, element]));
}

/** Let each button of a panel do what its data-does names. */
function onClick(root, actions) {
  for (const button of root.querySelectorAll("[data-does]")) {
    button.addEventListener("click", () => actions[button.dataset.does]());
  }
}

/** Put n small pictures into an element, each a button with a line below; `choose` gets its place. */
function thumbnails(parent, n, choose) {
  return Array.from({ length: n }, (_, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.innerHTML = '<canvas class="play-thumb" width="28" height="28"></canvas><span></span>';
    button.addEventListener("click", () => choose(i));
    parent.append(button);
    return button;
  });
}

/** Random numbers from 0 to 1 that are the same each time (the generator Mulberry32). */
function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), seed | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Call `tick` twenty times a second until it returns false, then `done`; where motion is unwelcome,
 * at once. Returns a function that ends it before.
 */
function animate(tick, done) {
  let [frame, last] = [0, 0];
  const next = (now) => {
    if (now - last >= 50) {
      last = now;
      if (!tick()) return done();
    }
    frame = requestAnimationFrame(next);
  };
  const jump = () => {
    while (tick());
    done();
  };
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  frame = requestAnimationFrame(still ? jump : next);
  return () => cancelAnimationFrame(frame);
}

/** A function that draws in the browser's next frame, however often it is called before. */
function onceAFrame(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

/** Follow a finger, a pen or a mouse with its button down: `move` gets y and x from 0 to 1. */
function followPointer(element, move) {
  const place = (event, begins) => {
    const box = element.getBoundingClientRect();
    const [y, x] = [event.clientY - box.top, event.clientX - box.left];
    move(y / box.height, x / box.width, begins);
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    place(event, true);
  });
  element.addEventListener("pointermove", (event) => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    const passed = event.getCoalescedEvents();
    (passed.length ? passed : [event]).forEach((one) => place(one, false));
  });
}

/** Call `move` with the rows and columns that an arrow key stands for. */
function followArrows(element, move) {
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  element.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(...steps[event.key], event.shiftKey);
  });
}

/** Start a panel, and show it; false if its model is missing. */
function startPanel(element) {
  const packed = KEPT.models[element.dataset.model];
  if (!packed) return false;
  element.hidden = false;
  panels[element.dataset.panel](element, networks.unpack(packed));
  performance.mark(`panel ${element.dataset.panel}`);
  return true;
}

/** Start the panels one by one, with time between them to show what is there. */
async function startAll() {
  for (const element of document.querySelectorAll("[data-panel]")) {
    if (!startPanel(element)) document.querySelector(".play-missing").hidden = false;
    await new Promise(requestAnimationFrame);
  }
}

document.addEventListener("DOMContentLoaded", startAll);
