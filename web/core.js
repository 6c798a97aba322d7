// The C core of softxent in WebAssembly: softmax, loss and gradient of a row of float logits.

/** Loads the module; gives `softmax(logits)` and `crossEntropy(logits, label)`. */
export async function loadCore() {
  const address = new URL("core.wasm", import.meta.url);
  let memory = null;

  // What the core asks of its system: environment variables, of which there are none.
  const system = {
    environ_sizes_get(count, size) {
      new Uint32Array(memory.buffer).set([0], count / 4);
      new Uint32Array(memory.buffer).set([0], size / 4);
      return 0;
    },
    environ_get: () => 0,
  };
  const imports = { wasi_snapshot_preview1: system, env: { emscripten_notify_memory_growth() {} } };
  const { instance } = await WebAssembly.instantiateStreaming(fetch(address), imports);
  const wasm = instance.exports;
  memory = wasm.memory;
  wasm._initialize();

  // Calls `work` with a function that makes room for floats, and frees all of it afterwards.
  function withMemory(work) {
    const taken = [];
    const room = (count) => {
      const address = wasm.malloc(4 * count);
      if (address === 0) throw new Error(`no memory for ${count} floats`);
      taken.push(address);
      return address;
    };
    try {
      return work(room);
    } finally {
      taken.forEach((address) => wasm.free(address));
    }
  }

  // A view of the memory as it is now: it moves when it grows.
  const floats = () => new Float32Array(memory.buffer);
  const read = (address, count) => floats().slice(address / 4, address / 4 + count);

  function given(room, logits) {
    const address = room(logits.length);
    floats().set(logits, address / 4);
    return address;
  }

  function done(status, name) {
    if (status !== 0) throw new Error(`${name}: status ${status}`);
  }

  return {
    softmax(logits) {
      return withMemory((room) => {
        const out = room(logits.length);
        done(wasm.page_softmax(given(room, logits), logits.length, out), "softmax");
        return read(out, logits.length);
      });
    },

    crossEntropy(logits, label) {
      return withMemory((room) => {
        const [loss, gradient] = [room(1), room(logits.length)];
        const address = given(room, logits);
        const status = wasm.page_cross_entropy(address, logits.length, label, loss, gradient);
        done(status, "cross-entropy");
        return { loss: read(loss, 1)[0], gradient: read(gradient, logits.length) };
      });
    },
  };
}
