// From strokes to what the network was trained on: the UCI digits, enlarged to 28 by 28.
//
// A digit fills a bitmap of 32 by 32; ink is counted in blocks of 4 by 4, which gives 8 by 8 numbers
// from 0 to 16; these are enlarged three times by linear interpolation and framed by two pixels.

const BITMAP = 32;
const BLOCK = 4;
const CELLS = BITMAP / BLOCK;
const ENLARGED = 3;
const FRAME = 2;
export const SIZE = CELLS * ENLARGED + 2 * FRAME;

// Of the pen, in pixels of the bitmap: as much ink as the digits of the training set have.
const PEN = 4.5;

/** The network's input, SIZE by SIZE numbers from 0 to 1, of strokes: lists of points [x, y]. */
export function pixelsOf(strokes, pen = PEN) {
  return enlarge(blocks(fitted(strokes, pen), pen));
}

// The strokes scaled to the bitmap: as large as the pen allows, in the middle.
function fitted(strokes, pen) {
  const points = strokes.flat();
  const [left, top] = [0, 1].map((axis) => Math.min(...points.map((p) => p[axis])));
  const [right, bottom] = [0, 1].map((axis) => Math.max(...points.map((p) => p[axis])));
  const extent = Math.max(right - left, bottom - top);
  // A dot stays a dot.
  const scale = extent > 0 ? (BITMAP - pen) / extent : 0;
  const middle = [(left + right) / 2, (top + bottom) / 2];
  return strokes.map((stroke) =>
    stroke.map((point) => point.map((value, axis) => (value - middle[axis]) * scale + BITMAP / 2)),
  );
}

// Pixels of the bitmap under the pen, counted by block.
function blocks(strokes, pen) {
  const counts = new Float64Array(CELLS * CELLS);
  for (let y = 0; y < BITMAP; y++) {
    for (let x = 0; x < BITMAP; x++) {
      const near = strokes.some((stroke) => distance(stroke, x + 0.5, y + 0.5) <= pen / 2);
      if (near) counts[Math.floor(y / BLOCK) * CELLS + Math.floor(x / BLOCK)] += 1;
    }
  }
  return counts;
}

// From a point to a polyline.
function distance(stroke, x, y) {
  let least = Infinity;
  for (let k = 0; k < stroke.length; k++) {
    const [ax, ay] = stroke[k];
    const [bx, by] = stroke[Math.min(k + 1, stroke.length - 1)];
    const [dx, dy] = [bx - ax, by - ay];
    const length = dx * dx + dy * dy;
    const share = length > 0 ? ((x - ax) * dx + (y - ay) * dy) / length : 0;
    const along = Math.min(Math.max(share, 0), 1);
    least = Math.min(least, Math.hypot(x - ax - along * dx, y - ay - along * dy));
  }
  return least;
}

// As softxent.data.load_digits does it: weights are thirds on either axis, values sixteenths.
function enlarge(cells) {
  const image = new Float32Array(SIZE * SIZE);
  for (let y = 0; y < CELLS * ENLARGED; y++) {
    for (let x = 0; x < CELLS * ENLARGED; x++) {
      let sum = 0;
      for (const [row, vertical] of sources(y)) {
        for (const [column, horizontal] of sources(x)) {
          sum += vertical * horizontal * cells[row * CELLS + column];
        }
      }
      image[(y + FRAME) * SIZE + x + FRAME] = sum / (ENLARGED * ENLARGED * BLOCK * BLOCK);
    }
  }
  return image;
}

// The two cells whose centres lie on either side of an enlarged pixel's, with their weights.
function sources(position) {
  const shifted = position - Math.floor(ENLARGED / 2);
  const left = Math.floor(shifted / ENLARGED);
  const part = shifted - left * ENLARGED;
  const inside = (cell) => Math.min(Math.max(cell, 0), CELLS - 1);
  return [
    [inside(left), ENLARGED - part],
    [inside(left + 1), part],
  ];
}
