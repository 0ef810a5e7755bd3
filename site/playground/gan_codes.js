"use strict";

/** Ten pictures of the GAN's generator, and the way between the codes of two of them. */
panels.ganCodes = (root, model) => {
  const [N_LATENT, N_PICTURES] = [16, 10];
  const { paint } = drawing;
  const { pictures, between, way, status } = parts(root);
  const buttons = Array.from({ length: N_PICTURES }, newButton);
  const chosen = { start: 0, end: 1 }; // which of the ten
  let nextIsStart = true;
  let codes;

  const uniform = () => 2 * Math.random() - 1; // as in the GAN's training
  const newCode = () => Float32Array.from({ length: N_LATENT }, uniform);

  /** A picture to click, with a line for what it was chosen as. */
  function newButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.innerHTML = '<canvas class="play-thumb" width="28" height="28"></canvas><span></span>';
    pictures.append(button);
    return button;
  }

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
    chosen[nextIsStart ? "start" : "end"] = i;
    way.value = nextIsStart ? 0 : 100;
    status.textContent = nextIsStart
      ? `Picture ${i + 1} is the start. Now choose the end.`
      : `Picture ${i + 1} is the end. Move the slider.`;
    nextIsStart = !nextIsStart;
    showChoice();
  }

  function newNoise() {
    codes = buttons.map(newCode);
    buttons.forEach((button, i) => {
      paint(button.querySelector("canvas"), networks.convGenerator(model, codes[i]));
    });
    Object.assign(chosen, { start: 0, end: 1 });
    nextIsStart = true;
    way.value = 50;
    status.textContent = "Ten new pictures. Choose a start.";
    showChoice();
  }

  buttons.forEach((button, i) => button.addEventListener("click", () => choose(i)));
  way.addEventListener("input", draw);
  onClick(root, { newNoise });
  newNoise();
};
