"use strict";

/** The plane of a VAE's two latent numbers: each point is a digit. */
panels.latentPlane = (root, model) => {
  const [LIMIT, ON_MAP, KEY_STEP] = [3, 11, 0.1];
  const { SIDE, paint, pixels } = drawing;
  const { plane, point, digit, status } = parts(root);
  const z = new Float32Array([1.5, 1]); // to the right, and up
  const within = (value) => Math.min(LIMIT, Math.max(-LIMIT, value));
  const written = (value) => value.toFixed(2).replace("-", "−");

  /** The faint map behind: the digit at the middle of each of 11 x 11 squares. */
  function drawMap() {
    const context = plane.getContext("2d");
    const middle = (square) => LIMIT * ((2 * square + 1) / ON_MAP - 1);
    for (let i = 0; i < ON_MAP ** 2; i++) {
      const [row, column] = [Math.floor(i / ON_MAP), i % ON_MAP];
      const levels = networks.denseDecoder(model, [middle(column), -middle(row)]);
      context.putImageData(pixels(levels, undefined, 0.5), column * SIDE, row * SIDE);
    }
  }

  const draw = onceAFrame(() => {
    paint(digit, networks.denseDecoder(model, z));
    point.style.left = `${50 * (1 + z[0] / LIMIT)}%`;
    point.style.top = `${50 * (1 - z[1] / LIMIT)}%`;
    status.textContent = `z = (${written(z[0])}, ${written(z[1])})`;
  });

  function moveTo(right, up) {
    z.set([within(right), within(up)]);
    draw();
  }

  followPointer(plane, (y, x) => moveTo(LIMIT * (2 * x - 1), LIMIT * (1 - 2 * y)));
  followArrows(plane, (rows, columns, fast) => {
    const step = fast ? 5 * KEY_STEP : KEY_STEP;
    moveTo(z[0] + step * columns, z[1] - step * rows);
  });
  drawMap();
  draw();
};
