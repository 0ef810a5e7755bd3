"use strict";

/** One code and ten labels: a hand that writes each digit, and a plane that changes the hand. */
panels.tenDigits = (root, model) => {
  const N_LABELS = 10;
  const N_LATENT = model.kernel_1.length / model.shift_1.length - N_LABELS;
  const labels = [...Array(N_LABELS).keys()];
  const { plane, point, pictures, status } = parts(root);
  const buttons = thumbnails(pictures, N_LABELS, choose);
  const [across, upward] = strongest();
  const z = new Float32Array(N_LATENT); // the hand; two of its numbers are the pad's
  let onMap = 2; // the digit that the map shows

  const draw = onceAFrame(() => {
    setTwo(z, ...pad.at);
    labels.forEach((label) => paintDigit(label, networks.conditionalDecoder(model, z, label)));
    status.textContent = `${named(across)} = ${written(z[across])}, ${named(upward)} = ${written(z[upward])}`;
  });
  const pad = latentPad(plane, point, draw);

  const paintDigit = (label, levels) =>
    drawing.paint(buttons[label].querySelector("canvas"), levels);
  const named = (i) => `z${String.fromCharCode(0x2081 + i)}`; // counted from 1, as a subscript

  function setTwo(code, right, up) {
    [code[across], code[upward]] = [right, up];
  }

  /** Which two of the numbers change the ten pictures most, the stronger one first. */
  function strongest() {
    const change = (i) => {
      const ends = [-1, 1].map((value) => new Float32Array(N_LATENT).fill(value, i, i + 1));
      return labels.reduce((sum, label) => {
        const [a, b] = ends.map((code) => networks.conditionalDecoder(model, code, label));
        return sum + a.reduce((part, level, k) => part + (level - b[k]) ** 2, 0);
      }, 0);
    };
    const changes = [...Array(N_LATENT).keys()].map((i) => [change(i), i]);
    return changes.sort(([a], [b]) => b - a).map(([, i]) => i);
  }

  /** Behind the pad: one digit, as the hand would write it there. */
  function drawMap() {
    const code = Float32Array.from(z);
    pad.drawMap((right, up) => {
      setTwo(code, right, up);
      return networks.conditionalDecoder(model, code, onMap);
    });
  }

  /** Let the map show a digit. */
  function choose(label) {
    onMap = label;
    buttons.forEach((button, i) => {
      button.classList.toggle("play-chosen", i === label);
      button.setAttribute("aria-pressed", i === label);
    });
    drawMap();
  }

  /** A number of the prior, by Box and Muller. */
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

  function newHand() {
    z.forEach((_, i) => (z[i] = normal()));
    pad.moveTo(z[across], z[upward]);
    drawMap();
  }

  buttons.forEach((button, label) => {
    button.querySelector("span").textContent = label;
  });
  onClick(root, { newHand });
  choose(onMap);
  pad.moveTo(1, 1);
};
