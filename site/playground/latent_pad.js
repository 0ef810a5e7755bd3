"use strict";

/**
 * A pad for two numbers, from -3 to 3 both ways: with mouse, pen or finger, or with the arrow keys.
 * `moved()` hears of a new place, which `at` holds: to the right, and up.
 */
function latentPad(plane, point, moved) {
  const [LIMIT, KEY_STEP] = [3, 0.1];
  const { SIDE, pixels } = drawing;
  const at = new Float32Array(2);
  const within = (value) => Math.min(LIMIT, Math.max(-LIMIT, value));

  function moveTo(right, up) {
    at.set([within(right), within(up)]);
    point.style.left = `${50 * (1 + at[0] / LIMIT)}%`;
    point.style.top = `${50 * (1 - at[1] / LIMIT)}%`;
    moved();
  }

  /** The faint map behind: squares, in the middle of each the picture that `decode` makes of it. */
  function drawMap(decode) {
    const context = plane.getContext("2d");
    const across = plane.width / SIDE;
    const middle = (square) => LIMIT * ((2 * square + 1) / across - 1);
    for (let i = 0; i < across ** 2; i++) {
      const [row, column] = [Math.floor(i / across), i % across];
      const levels = decode(middle(column), -middle(row));
      context.putImageData(pixels(levels, undefined, 0.5), column * SIDE, row * SIDE);
    }
  }

  followPointer(plane, (y, x) => moveTo(LIMIT * (2 * x - 1), LIMIT * (1 - 2 * y)));
  followArrows(plane, (rows, columns, fast) => {
    const step = fast ? 5 * KEY_STEP : KEY_STEP;
    moveTo(at[0] + step * columns, at[1] - step * rows);
  });
  return { at, moveTo, drawMap };
}

/** A number as the pads' captions have it. */
const written = (value) => value.toFixed(2).replace("-", "−");
