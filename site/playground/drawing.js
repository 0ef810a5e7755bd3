"use strict";

/** Pictures of 28 x 28 grey levels, 0 for paper and 1 for ink: painting, drawing, preparing. */
const drawing = (() => {
  const SIDE = 28;
  const INK = [28, 26, 24];
  const FRESH = [18, 84, 160];
  const blank = () => new Float32Array(SIDE ** 2);

  /** A canvas's next picture: ink of `levels`, blue where `old` is given and has none. */
  function pixels(levels, old, strength = 1) {
    const image = new ImageData(SIDE, SIDE);
    levels.forEach((level, i) => {
      const colour = old && old[i] < 0.5 ? FRESH : INK;
      image.data.set([...colour, Math.round(255 * level * strength)], 4 * i);
    });
    return image;
  }

  /** Paint a picture on a canvas of 28 x 28; the paper is the canvas's background. */
  function paint(canvas, levels, old) {
    canvas.getContext("2d").putImageData(pixels(levels, old), 0, 0);
  }

  /** Where the ink is: its box and its centre of mass, in cells. */
  function extent(levels) {
    const [rows, columns] = [[], []];
    let [mass, y, x] = [0, 0, 0];
    levels.forEach((level, i) => {
      const [row, column] = [Math.floor(i / SIDE), i % SIDE];
      mass += level;
      y += level * row;
      x += level * column;
      if (level > 0.5) {
        rows.push(row);
        columns.push(column);
      }
    });
    const length = (cells) => Math.max(...cells) - Math.min(...cells) + 1;
    return { y: y / mass, x: x / mass, size: Math.max(length(rows), length(columns)) };
  }

  /** The grey level between four cells. */
  function between(levels, y, x) {
    const [row, column] = [Math.floor(y), Math.floor(x)];
    const at = (r, c) => (r < 0 || c < 0 || r >= SIDE || c >= SIDE ? 0 : levels[r * SIDE + c]);
    const along = (r) => at(r, column) * (column + 1 - x) + at(r, column + 1) * (x - column);
    return along(row) * (row + 1 - y) + along(row + 1) * (y - row);
  }

  /** As MNIST's digits are: scaled into 20 x 20 cells, the centre of mass in the middle. A dot
      stays a dot: nothing grows more than 2.5 times. */
  function prepare(levels) {
    const ink = extent(levels);
    const [scale, middle] = [Math.min(2.5, 20 / ink.size), (SIDE - 1) / 2];
    const source = (cell, centre) => centre + (cell - middle) / scale;
    return levels.map((_, i) =>
      between(levels, source(Math.floor(i / SIDE), ink.y), source(i % SIDE, ink.x)),
    );
  }

  /** Press a soft round brush on a point, given in cells. */
  function stamp(levels, y, x) {
    levels.forEach((level, i) => {
      const distance = Math.hypot(Math.floor(i / SIDE) - y, (i % SIDE) - x);
      levels[i] = Math.max(level, Math.min(1, 1.9 - distance));
    });
  }

  /** A stroke of the brush from one point to another. */
  function stroke(levels, from, to) {
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.y - from.y, to.x - from.x)));
    for (let i = 1; i <= steps; i++) {
      const t = i / steps;
      stamp(levels, from.y + t * (to.y - from.y), from.x + t * (to.x - from.x));
    }
  }

  return { SIDE, blank, pixels, paint, prepare, stamp, stroke };
})();
