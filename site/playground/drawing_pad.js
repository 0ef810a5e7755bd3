"use strict";

/**
 * Let a hand draw on a canvas of 28 x 28 cells: with mouse, pen or finger, or with the arrow keys,
 * which move a cursor, and the space bar, which inks under it.
 *
 * `levels()` gives the picture that is drawn on, `changed()` hears of new ink, `moved(row, column)`
 * of the cursor.
 */
function drawingPad(canvas, cursor, { levels, changed, moved }) {
  const { SIDE, stamp, stroke } = drawing;
  const at = { y: 13, x: 13 };
  let last;

  function showCursor() {
    cursor.style.top = `${(100 * at.y) / SIDE}%`;
    cursor.style.left = `${(100 * at.x) / SIDE}%`;
  }

  followPointer(canvas, (y, x, begins) => {
    const point = { y: y * SIDE - 0.5, x: x * SIDE - 0.5 };
    stroke(levels(), begins ? point : last, point);
    last = point;
    changed();
  });
  followArrows(canvas, (rows, columns) => {
    at.y = Math.min(SIDE - 1, Math.max(0, at.y + rows));
    at.x = Math.min(SIDE - 1, Math.max(0, at.x + columns));
    showCursor();
    moved(at.y + 1, at.x + 1);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    stamp(levels(), at.y, at.x);
    changed();
  });
  showCursor();
}
