"use strict";

/** The arithmetic of the trained networks: Float32Arrays in, Float32Arrays out. */
const networks = (() => {
  /** The bytes that a base64 text stands for. */
  function bytes(text) {
    const letters = atob(text);
    const result = new Uint8Array(letters.length);
    for (let i = 0; i < result.length; i++) result[i] = letters.charCodeAt(i);
    return result;
  }

  /** One tensor: 8-bit codes, each times the scale of its column; or float32 as it is. */
  function unpackTensor({ codes, scales, floats }) {
    if (floats !== undefined) return new Float32Array(bytes(floats).buffer);
    const column = new Float32Array(bytes(scales).buffer);
    const result = Float32Array.from(new Int8Array(bytes(codes).buffer));
    for (let i = 0; i < result.length; i++) result[i] *= column[i % column.length];
    return result;
  }

  /** All tensors of a model, by their names. */
  function unpack(packed) {
    const tensors = Object.entries(packed);
    return Object.fromEntries(tensors.map(([name, tensor]) => [name, unpackTensor(tensor)]));
  }

  /** x W + shift, for W with one row an input. */
  function dense(x, W, shift) {
    const y = Float32Array.from(shift);
    for (let i = 0, k = 0; i < x.length; i++, k += y.length) {
      if (x[i] === 0) continue;
      for (let j = 0; j < y.length; j++) y[j] += x[i] * W[k + j];
    }
    return y;
  }

  /** W y + shift: the same weights, read from the outputs back to the inputs. */
  function denseBack(y, W, shift) {
    return shift.map((sum, i) => {
      for (let j = 0, k = i * y.length; j < y.length; j++) sum += y[j] * W[k + j];
      return sum;
    });
  }

  /** Transposed convolution, 4 x 4 with stride 2 and padding "same": it doubles the side. */
  function convTranspose(x, side, kernel, shift) {
    const [size, stride, padding, wide] = [4, 2, 1, 2 * side];
    const nIn = x.length / side ** 2;
    const nOut = shift.length;
    const y = new Float32Array(wide ** 2 * nOut);
    for (let i = 0; i < y.length; i++) y[i] = shift[i % nOut];
    for (let cell = 0; cell < side ** 2; cell++) {
      const pixel = x.subarray(cell * nIn, (cell + 1) * nIn);
      const top = Math.floor(cell / side) * stride - padding;
      const left = (cell % side) * stride - padding;
      for (let tap = 0; tap < size ** 2; tap++) {
        const [row, column] = [top + Math.floor(tap / size), left + (tap % size)];
        if (row < 0 || column < 0 || row >= wide || column >= wide) continue;
        const weights = kernel.subarray(tap * nIn * nOut, (tap + 1) * nIn * nOut);
        addProduct(y, (row * wide + column) * nOut, nOut, pixel, weights);
      }
    }
    return y;
  }

  /** Add x W to the n numbers of y that begin at `start`. */
  function addProduct(y, start, n, x, W) {
    for (let i = 0, k = 0; i < x.length; i++, k += n) {
      if (x[i] === 0) continue;
      for (let j = 0; j < n; j++) y[start + j] += x[i] * W[k + j];
    }
  }

  const relu = (x) => x.map((value) => Math.max(value, 0));
  const sigmoid = (x) => x.map((value) => 1 / (1 + Math.exp(-value)));

  /** Ten numbers for a label: zeros, and `value` in its place. */
  const oneHot = (label, value = 1) => new Float32Array(10).fill(value, label, label + 1);

  /** A VAE's dense decoder: from a code to the 784 probabilities of ink. */
  function denseDecoder(model, z) {
    let x = dense(z, model.kernel_1, model.shift_1);
    for (let layer = 2; `kernel_${layer}` in model; layer++) {
      x = dense(relu(x), model[`kernel_${layer}`], model[`shift_${layer}`]);
    }
    return sigmoid(x);
  }

  /** A conditional VAE's decoder: the code has a label behind it. */
  const conditionalDecoder = (model, z, label) => denseDecoder(model, [...z, ...oneHot(label)]);

  /** The GAN's generator: from a code to 784 grey levels; batch norm is in kernels and shifts. */
  function convGenerator(model, z) {
    let x = relu(dense(z, model.kernel_1, model.shift_1));
    x = relu(dense(x, model.kernel_2, model.shift_2));
    x = relu(convTranspose(x, 7, model.kernel_3, model.shift_3));
    x = convTranspose(x, 14, model.kernel_4, model.shift_4);
    return x.map((value) => (1 + Math.tanh(value)) / 2);
  }

  const decoders = { denseDecoder, conditionalDecoder, convGenerator };
  return { bytes, unpack, dense, denseBack, sigmoid, oneHot, ...decoders };
})();
