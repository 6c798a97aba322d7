// Models in onnxruntime-web, from files beside the page.

import * as ort from "./runtime/ort.wasm.min.mjs";

ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
ort.env.wasm.numThreads = 1;

/** Opens a model; gives a function from logits or pixels and a label to its outputs by name. */
export async function openModel(file) {
  const address = new URL(file, import.meta.url).href;
  const session = await ort.InferenceSession.create(address, { executionProviders: ["wasm"] });
  const [values, labels] = session.inputNames;
  return async (input, label) => {
    const feeds = {
      [values]: new ort.Tensor("float32", Float32Array.from(input), [1, input.length]),
      [labels]: new ort.Tensor("int64", BigInt64Array.of(BigInt(label)), [1]),
    };
    const outputs = await session.run(feeds);
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
  };
}

export const version = ort.env.versions.web;
