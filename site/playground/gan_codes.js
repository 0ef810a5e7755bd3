"use strict";

/** Ten pictures of the GAN's generator, and the way between the codes of two of them. */
panels.ganCodes = (root, model) => {
  const [N_LATENT, N_PICTURES] = [16, 10];
  const FIRST_SEED = 42; // of 59 tried, one whose ten are clean and whose farthest are two digits
  const { paint } = drawing;
  const { pictures, between, way, status } = parts(root);
  const buttons = thumbnails(pictures, N_PICTURES, choose);
  const chosen = { start: 0, end: 1 }; // which of the ten; newNoise chooses two
  let nextIsStart = true;
  let codes;

  /** A code as in the GAN's training: each number from -1 to 1. */
  const newCode = (random) => Float32Array.from({ length: N_LATENT }, () => 2 * random() - 1);

  const draw = onceAFrame(() => {
    const t = way.value / 100;
    const [start, end] = [codes[chosen.start], codes[chosen.end]];
    const z = start.map((value, i) => (1 - t) * value + t * end[i]);
    paint(between, networks.convGenerator(model, z));
    way.setAttribute("aria-valuetext", `${way.value} % of the way`);
  });

  /** Say at each of the ten whether it is the start or the end of the walk. */
  function showChoice() {
    buttons.forEach((button, i) => {
      const roles = ["start", "end"].filter((role) => chosen[role] === i);
      button.setAttribute("aria-label", [`Picture ${i + 1}`, ...roles].join(", "));
      button.classList.toggle("play-chosen", roles.length > 0);
      button.querySelector("span").textContent = roles.join(", ");
    });
    draw();
  }

  function choose(i) {
    if (!nextIsStart && i === chosen.start) {
      status.textContent = "That is the start already. Choose another picture as the end.";
      return;
    }
    chosen[nextIsStart ? "start" : "end"] = i;
    way.value = nextIsStart ? 0 : 100;
    status.textContent = nextIsStart
      ? `Picture ${i + 1} is the start. Now choose the end.`
      : `Picture ${i + 1} is the end. Move the slider.`;
    nextIsStart = !nextIsStart;
    showChoice();
  }

  /** Which two pictures differ most, pixel by pixel: the first is the start, the later the end. */
  function farthestApart(all) {
    const apart = (a, b) => a.reduce((sum, level, i) => sum + (level - b[i]) ** 2, 0);
    const pairs = all.flatMap((a, end) =>
      all.slice(0, end).map((b, start) => ({ start, end, distance: apart(a, b) })),
    );
    const { start, end } = pairs.reduce((x, y) => (y.distance > x.distance ? y : x));
    return { start, end };
  }

  /** Ten pictures of ten new codes, and a walk between two of them. */
  function showTen(random, text) {
    codes = buttons.map(() => newCode(random));
    const all = codes.map((z) => networks.convGenerator(model, z));
    buttons.forEach((button, i) => paint(button.querySelector("canvas"), all[i]));
    Object.assign(chosen, farthestApart(all));
    nextIsStart = true;
    way.value = 50;
    status.textContent = text;
    showChoice();
  }

  const newNoise = () => showTen(Math.random, "Ten new pictures. Move the slider.");

  way.addEventListener("input", draw);
  onClick(root, { newNoise });
  showTen(seeded(FIRST_SEED), "Move the slider, or choose another start.");
};
