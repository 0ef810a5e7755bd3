"use strict";

/** The plane of a VAE's two latent numbers: each point is a digit. */
panels.latentPlane = (root, model) => {
  const { plane, point, digit, status } = parts(root);
  const decode = (...z) => networks.denseDecoder(model, z);
  const draw = onceAFrame(() => {
    const [right, up] = pad.at;
    drawing.paint(digit, decode(right, up));
    status.textContent = `z = (${written(right)}, ${written(up)})`;
  });
  const pad = latentPad(plane, point, draw);
  pad.drawMap(decode);
  pad.moveTo(1.5, 1);
};
