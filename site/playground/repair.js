"use strict";

/** Draw a digit, damage it, and watch the RBM repair it. */
panels.repair = (root, model) => {
  const { SIDE, blank, paint, prepare } = drawing;
  const [REPAIR, DREAM] = [
    { steps: 200, aFrame: 1 },
    { steps: 1000, aFrame: 5 },
  ];
  const { pad, cursor, answer, status, pause } = parts(root);
  const whole = { lowerErased: false, inkLeft: 1 }; // what was done to a digit: nothing
  let digit = { levels: blank(), placed: false, ...whole };
  let chain; // none before the RBM has begun
  let pace = REPAIR;
  let stop; // what ends the animation, while there is one
  let given = 0; // digits

  const say = (text) => (status.textContent = text);
  const binary = (levels) => levels.map((level) => (level > 0.5 ? 1 : 0));

  /** Show the digit anew; the RBM has not begun. */
  function show(text) {
    halt();
    chain = undefined;
    pause.disabled = true;
    paint(pad, digit.levels);
    paint(answer, binary(digit.levels));
    if (text) say(text);
  }

  /** Bring a digit that was drawn by hand to where MNIST's are. */
  function place() {
    if (digit.placed || !digit.levels.some((level) => level > 0.5)) return;
    digit.levels = prepare(digit.levels);
    digit.placed = true;
  }

  function give() {
    const grey = networks.bytes(KEPT.digits[given++ % KEPT.digits.length]);
    const levels = Float32Array.from(grey, (level) => level / 255);
    digit = { levels, placed: true, ...whole };
    show("Damage it, then repair it.");
  }

  function clear() {
    digit = { levels: blank(), placed: false, ...whole };
    show("Draw a digit.");
  }

  function eraseLowerHalf() {
    place();
    digit.levels.fill(0, SIDE ** 2 / 2);
    digit.lowerErased = true;
    show("The lower half is erased.");
  }

  function removeInk() {
    place();
    const inked = [...digit.levels.keys()].filter((i) => digit.levels[i] > 0);
    const lottery = inked.map((i) => [Math.random(), i]).sort(([a], [b]) => a - b);
    for (const [, i] of lottery.slice(0, inked.length / 2)) digit.levels[i] = 0;
    digit.inkLeft /= 2;
    show("Half of the ink is gone.");
  }

  /** A chain that keeps the ink of the digit, and weighs its blanks by Bayes' rule (notebook 02):
      in an erased half they say nothing; where a share of the ink vanished, its odds are lowered
      by that share; beside an erased half they are paper. */
  function beginRepair() {
    place();
    show();
    const v = binary(digit.levels);
    const { lowerErased, inkLeft } = digit;
    const erased = (i) => lowerErased && i >= SIDE ** 2 / 2;
    const paper = (i) => lowerErased && inkLeft === 1 && !erased(i);
    const held = Array.from(v, (ink, i) => ink === 1 || paper(i));
    const weight = inkLeft === 1 ? 0 : Math.log(1 - inkLeft);
    const evidence = v.map((_, i) => (erased(i) ? 0 : weight));
    [chain, pace] = [new rbm.Chain(model, v, held, evidence), REPAIR];
  }

  /** A free chain from pixels that are ink or paper by the toss of a coin. */
  function beginDream() {
    show();
    const noise = rbm.sample(blank().fill(0.5));
    [chain, pace] = [new rbm.Chain(model, noise, blank(), blank()), DREAM];
  }

  function showChain() {
    const known = chain.start.map((ink, i) => (chain.held[i] ? ink : 0));
    paint(answer, chain.probability, known);
  }

  function step(times) {
    for (let i = 0; i < times; i++) chain.step();
    showChain();
  }

  /** Let the chain go on until it has done its steps, or somebody pauses it. */
  function run() {
    const end = chain.steps + pace.steps;
    pause.disabled = false;
    pause.textContent = "Pause";
    stop = animate(() => {
      step(pace.aFrame);
      if (chain.steps % (20 * pace.aFrame) === 0) say(`Step ${chain.steps}`);
      return chain.steps < end;
    }, halt);
  }

  function halt() {
    stop?.();
    stop = undefined;
    pause.textContent = "Continue";
  }

  function pauseOrContinue() {
    if (!stop) return run();
    halt();
    say(`Paused at step ${chain.steps}`);
  }

  function oneStep() {
    halt();
    if (!chain) beginRepair();
    pause.disabled = false;
    step(1);
    say(`Step ${chain.steps}`);
  }

  function repair() {
    beginRepair();
    run();
  }

  function dream() {
    beginDream();
    run();
  }

  drawingPad(pad, cursor, {
    levels: () => digit.levels,
    changed: () => show("Repair it, or damage it first."),
    moved: (row, column) => say(`Row ${row}, column ${column}`),
  });
  onClick(root, { give, clear, eraseLowerHalf, removeInk, repair, pauseOrContinue, oneStep, dream });

  give();
  eraseLowerHalf();
  beginRepair();
  step(50);
  pause.disabled = false;
  say("Step 50");
};
