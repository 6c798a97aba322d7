// For training: a list of { strokes, pen } on standard input, the floats of their pixels on standard output.

import { readFileSync, writeFileSync } from "node:fs";
import { pixelsOf } from "./pixels.js";

const given = JSON.parse(readFileSync(0, "utf8"));
const images = given.map(({ strokes, pen }) => Buffer.from(pixelsOf(strokes, pen).buffer));
writeFileSync(1, Buffer.concat(images));
