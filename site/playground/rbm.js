"use strict";

/**
 * The restricted Boltzmann machine with label units. A model holds W and visible_bias of the
 * pixels, U and label_bias of the ten labels, and hidden_bias.
 */
const rbm = (() => {
  const { dense, denseBack, sigmoid, oneHot } = networks;

  /** p(h = 1 | v, y) of each hidden unit; y are the ten label units. */
  const hiddenProbability = (model, v, y) =>
    sigmoid(dense(v, model.W, dense(y, model.U, model.hidden_bias)));

  /** p(v = 1 | h) of each pixel. */
  const visibleProbability = (model, h) => sigmoid(denseBack(h, model.W, model.visible_bias));

  /** p(y | h) of each label: one softmax, for exactly one of the units is on. */
  function labelProbability(model, h) {
    const logits = denseBack(h, model.U, model.label_bias);
    const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => power / sum);
  }

  /** A 0 or a 1 for each probability. */
  const sample = (probability, random = Math.random) =>
    probability.map((p) => (random() < p ? 1 : 0));

  /** The place of one entry, drawn with its probability. */
  function sampleOne(probability, random = Math.random) {
    let left = random();
    const found = probability.findIndex((p) => (left -= p) < 0);
    return found < 0 ? probability.length - 1 : found;
  }

  /** A chain of Gibbs steps from v. `held` says of each pixel whether it stays as it is, and
      `evidence` what else is known of it, in nats for ink. The label is dreamt too, unless `asked`
      names one to hold, which counts `loudness` times. `random` is what is drawn with. */
  class Chain {
    constructor(model, v, held, evidence, { asked, loudness = 1, random = Math.random } = {}) {
      const visible_bias = model.visible_bias.map((bias, i) => bias + evidence[i]);
      model = { ...model, visible_bias };
      Object.assign(this, { model, start: v, held, asked, loudness, random });
      Object.assign(this, { v, probability: v, steps: 0 });
      this.label = asked ?? sampleOne(new Float32Array(10).fill(0.1), random);
    }

    /** One full Gibbs step: h given v and label, then both given h. */
    step() {
      const { model, random, asked } = this;
      const y = oneHot(this.label, asked === undefined ? 1 : this.loudness);
      const h = sample(hiddenProbability(model, this.v, y), random);
      const free = visibleProbability(model, h);
      this.probability = free.map((p, i) => (this.held[i] ? this.start[i] : p));
      this.v = sample(this.probability, random);
      this.label = asked ?? sampleOne(labelProbability(model, h), random);
      this.steps += 1;
    }
  }

  return { hiddenProbability, visibleProbability, labelProbability, sample, sampleOne, Chain };
})();
