"use strict";

/** Draw a digit, damage it, and watch the RBM repair it; or ask it for one. */
panels.repair = (root, model) => {
  const { SIDE, blank, paint, prepare } = drawing;
  const WHOLE = "Damage it, or press Repair, which first erases its lower half.";
  const ANOTHER = " For another answer, press Repair.";
  const [REPAIR, DREAM] = [
    { doing: "Repairing", steps: 200, aFrame: 1, done: ANOTHER },
    { doing: "Dreaming", steps: 1000, aFrame: 5, done: "" },
  ];
  // What a visitor finds: half a digit, repaired with fixed random numbers. What they lead to is
  // the RBM's doing; of 48 seeds that were tried this is one of many with a clean outcome.
  const FIRST = { digit: 3, seed: 42, steps: 50 };
  const LOUDNESS = 3; // of a label that is asked for, as in notebook 09
  const { pad, cursor, answer, status, erases, removes, repairs, pause, steps, labels } = parts(root);
  const named = (label) => (label === 8 ? "an 8" : `a ${label}`);
  const asks = Array.from({ length: 10 }, (_, label) => askButton(label));
  const whole = { lowerErased: false, inkLeft: 1 }; // what was done to a digit: nothing
  let digit = { levels: blank(), placed: false, ...whole };
  let chain; // none before the RBM has begun
  let pace = REPAIR;
  let end = 0; // the step at which the chain will halt
  let stop; // what ends the animation, while there is one
  let given = FIRST.digit; // the next digit to give

  const say = (text) => (status.textContent = text);
  const binary = (levels) => levels.map((level) => (level > 0.5 ? 1 : 0));
  const isEmpty = () => !digit.levels.some((level) => level > 0.5);
  const sayStep = (doing, more = "") => say(`${doing} ${chain.steps} of ${end}${more}`);

  /** Show the digit anew; the RBM has not begun. */
  function show(text) {
    halt();
    chain = undefined;
    allow();
    showAsked();
    paint(pad, digit.levels);
    paint(answer, binary(digit.levels));
    if (text) say(text);
  }

  /** Let only those buttons be pressed that have something to work on. */
  function allow() {
    for (const button of [erases, removes, repairs]) button.disabled = isEmpty();
    steps.disabled = isEmpty() && !chain;
    pause.disabled = !chain;
  }

  /** Bring a digit that was drawn by hand to where MNIST's are. One whose ink ends above the
      middle stays in its place: its lower half is what is missing. */
  function place() {
    if (digit.placed || isEmpty()) return;
    digit.placed = true;
    if (digit.levels.every((level, i) => level < 0.5 || i < SIDE ** 2 / 2)) digit.lowerErased = true;
    else digit.levels = prepare(digit.levels);
  }

  function give() {
    const grey = networks.bytes(KEPT.digits[given++ % KEPT.digits.length]);
    const levels = Float32Array.from(grey, (level) => level / 255);
    digit = { levels, placed: true, ...whole };
    show(WHOLE);
  }

  function clear() {
    digit = { levels: blank(), placed: false, ...whole };
    show("Draw a digit.");
  }

  function eraseLowerHalf() {
    place();
    digit.levels.fill(0, SIDE ** 2 / 2);
    digit.lowerErased = true;
    show(damaged("The lower half is erased."));
  }

  function removeInk() {
    place();
    const inked = [...digit.levels.keys()].filter((i) => digit.levels[i] > 0);
    const lottery = inked.map((i) => [Math.random(), i]).sort(([a], [b]) => a - b);
    for (const [, i] of lottery.slice(0, inked.length / 2)) digit.levels[i] = 0;
    digit.inkLeft /= 2;
    show(damaged("Half of the ink is gone."));
  }

  const damaged = (text) => (isEmpty() ? "No ink is left. Draw a digit." : text);

  const isDamaged = () => !isEmpty() && (digit.lowerErased || digit.inkLeft < 1);

  /** A repair needs something to repair: where nothing is missing, the lower half goes first. */
  function damageIfWhole() {
    place();
    if (!isDamaged()) eraseLowerHalf();
  }

  function begin(newChain, newPace) {
    [chain, pace, end] = [newChain, newPace, newPace.steps];
    allow();
    showAsked();
  }

  function askButton(label) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.setAttribute("aria-label", `Ask for ${named(label)}`);
    button.addEventListener("click", () => ask(label));
    labels.append(button);
    return button;
  }

  /** Mark the label that the chain holds, if it holds one. */
  function showAsked() {
    asks.forEach((button, label) => button.setAttribute("aria-pressed", chain?.asked === label));
  }

  /** A chain that keeps the ink of the digit, and weighs its blanks by Bayes' rule (notebook 02):
      in an erased half they say nothing; where a share of the ink vanished, its odds are lowered
      by that share; beside an erased half they are paper. */
  function beginRepair(choice, newPace = REPAIR) {
    damageIfWhole();
    show();
    const v = binary(digit.levels);
    const { lowerErased, inkLeft } = digit;
    const erased = (i) => lowerErased && i >= SIDE ** 2 / 2;
    const paper = (i) => lowerErased && inkLeft === 1 && !erased(i);
    const held = Array.from(v, (ink, i) => ink === 1 || paper(i));
    const weight = inkLeft === 1 ? 0 : Math.log(1 - inkLeft);
    const evidence = v.map((_, i) => (erased(i) ? 0 : weight));
    begin(new rbm.Chain(model, v, held, evidence, choice), newPace);
  }

  /** A free chain from pixels that are ink or paper by the toss of a coin. */
  function beginDream(choice, newPace = DREAM) {
    show();
    const noise = rbm.sample(blank().fill(0.5));
    begin(new rbm.Chain(model, noise, blank(), blank(), choice), newPace);
  }

  function showChain() {
    const known = chain.start.map((ink, i) => (chain.held[i] ? ink : 0));
    paint(answer, chain.probability, known);
  }

  /** Do some steps; beyond the end there are as many again. */
  function step(times) {
    if (chain.steps >= end) end += pace.steps;
    for (let i = 0; i < times; i++) chain.step();
    showChain();
  }

  /** Let the chain go on until it has done its steps, or somebody pauses it. */
  function run() {
    if (chain.steps >= end) end += pace.steps;
    const tell = () => sayStep(`${pace.doing}, step`);
    pause.textContent = "Pause";
    tell();
    stop = animate(() => {
      step(Math.min(pace.aFrame, end - chain.steps));
      if (chain.steps % (10 * pace.aFrame) < pace.aFrame) tell();
      return chain.steps < end;
    }, finish);
  }

  function finish() {
    halt();
    sayStep("Step", `.${pace.done}`);
  }

  function halt() {
    stop?.();
    stop = undefined;
    pause.textContent = "Continue";
  }

  function pauseOrContinue() {
    if (!stop) return run();
    halt();
    sayStep("Paused at step");
  }

  function oneStep() {
    halt();
    if (!chain) beginRepair();
    step(1);
    sayStep("Step");
  }

  function repair() {
    beginRepair();
    run();
  }

  function dream() {
    beginDream();
    run();
  }

  /** Hold a label: a damaged digit is completed as this one; else it is drawn from noise. */
  function ask(label) {
    const choice = { asked: label, loudness: LOUDNESS };
    const done = ` For another, press ${label} again.`;
    place();
    if (isDamaged()) {
      beginRepair(choice, { ...REPAIR, doing: `Completing it as ${named(label)}`, done });
    } else {
      beginDream(choice, { ...DREAM, doing: `Drawing ${named(label)}`, done });
    }
    run();
  }

  drawingPad(pad, cursor, {
    levels: () => digit.levels,
    changed: () => show(isDamaged() ? "Press Repair." : WHOLE),
    moved: (row, column) => say(`Row ${row}, column ${column}`),
  });
  onClick(root, { give, clear, eraseLowerHalf, removeInk, repair, pauseOrContinue, oneStep, dream });

  give();
  eraseLowerHalf();
  beginRepair({ random: seeded(FIRST.seed) });
  step(FIRST.steps);
  chain.random = Math.random; // whatever is pressed now is new each time
  say(`The RBM drew the blue half of this ${FIRST.digit}.${ANOTHER}`);
};
