"use strict";

/** The restricted Boltzmann machine: a model holds W, visible_bias and hidden_bias. */
const rbm = (() => {
  const { dense, denseBack, sigmoid } = networks;

  /** p(h = 1 | v) of each hidden unit. */
  const hiddenProbability = (model, v) => sigmoid(dense(v, model.W, model.hidden_bias));

  /** p(v = 1 | h) of each pixel. */
  const visibleProbability = (model, h) => sigmoid(denseBack(h, model.W, model.visible_bias));

  /** A 0 or a 1 for each probability. */
  const sample = (probability, random = Math.random) =>
    probability.map((p) => (random() < p ? 1 : 0));

  /** A chain of Gibbs steps from v; `held` says of each pixel whether it stays as it is, and
      `evidence` what else is known of it, in nats for ink; `random` is what it is drawn with. */
  class Chain {
    constructor(model, v, held, evidence, random = Math.random) {
      const visible_bias = model.visible_bias.map((bias, i) => bias + evidence[i]);
      model = { ...model, visible_bias };
      Object.assign(this, { model, start: v, held, random, v, probability: v, steps: 0 });
    }

    /** One full Gibbs step: h given v, then v given h. */
    step() {
      const h = sample(hiddenProbability(this.model, this.v), this.random);
      const free = visibleProbability(this.model, h);
      this.probability = free.map((p, i) => (this.held[i] ? this.start[i] : p));
      this.v = sample(this.probability, this.random);
      this.steps += 1;
    }
  }

  return { hiddenProbability, visibleProbability, sample, Chain };
})();
