// Runs a WebAssembly program that prints and reads no files: node run-wasi.mjs PROGRAM.wasm ARGUMENT...
//
// Has the few calls of WASI preview 1 that such a program makes. node's own WASI crashes in version 20 when a
// program's memory grows.
import { readFileSync, writeSync } from "node:fs";

const BAD_FILE = 8, NOT_SUPPORTED = 52;
const args = process.argv.slice(2);
const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
let memory;
const view = () => new DataView(memory.buffer);

class Exit extends Error {
  constructor(status) {
    super(`exit ${status}`);
    this.status = status;
  }
}

function sizes(texts, count, bytes) {
  view().setUint32(count, texts.length, true);
  view().setUint32(bytes, texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0), true);
  return 0;
}

function copy(texts, pointers, to) {
  texts.forEach((text, i) => {
    view().setUint32(pointers + 4 * i, to, true);
    to += Buffer.from(memory.buffer).write(`${text}\0`, to);
  });
  return 0;
}

const calls = {
  args_sizes_get: (count, bytes) => sizes(args, count, bytes),
  args_get: (pointers, to) => copy(args, pointers, to),
  environ_sizes_get: (count, bytes) => sizes(environment, count, bytes),
  environ_get: (pointers, to) => copy(environment, pointers, to),
  clock_time_get: (id, precision, to) => {
    view().setBigUint64(to, process.hrtime.bigint(), true);
    return 0;
  },
  fd_write: (file, vectors, count, written) => {
    if (file !== 1 && file !== 2) return BAD_FILE;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const from = view().getUint32(vectors + 8 * i, true), size = view().getUint32(vectors + 8 * i + 4, true);
      for (let done = 0; done < size; )
        done += writeSync(file, Buffer.from(memory.buffer, from + done, size - done));
      total += size;
    }
    view().setUint32(written, total, true);
    return 0;
  },
  fd_close: () => 0,
  fd_prestat_get: () => BAD_FILE, // no folder is open
  proc_exit: (status) => {
    throw new Exit(status);
  },
};

const module = new WebAssembly.Module(readFileSync(args[0]));
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module))
  (imports[from] ??= {})[name] = calls[name] ?? (() => NOT_SUPPORTED);
const instance = new WebAssembly.Instance(module, imports);
memory = instance.exports.memory;
try {
  instance.exports._start();
} catch (error) {
  if (!(error instanceof Exit)) throw error;
  process.exitCode = error.status;
}
