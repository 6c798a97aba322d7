// Floats: how far two are apart, and how they are written.

/** The spacing of float32 numbers at a value. */
export function spacing(value) {
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value) || Number.MIN_VALUE)), -126);
  // log2 is rounded: just below a power of two it may give the power.
  const exact = Math.abs(value) < 2 ** exponent && exponent > -126 ? exponent - 1 : exponent;
  return 2 ** (exact - 23);
}

/** |value - reference| in units in the last place of the reference. */
export function ulp(value, reference) {
  if (Object.is(value, reference) || value === reference) return 0;
  return Math.abs(value - reference) / spacing(reference);
}

/** A count of units in the last place, in words for what is large. */
export function shownUlp(count) {
  if (!Number.isFinite(count)) return "not a number";
  if (count < 1000) return `${count} ULP`;
  return `${Math.round(count).toLocaleString("en")} ULP`;
}

/** A float32 with all the digits that tell it from its neighbours. */
export function digits(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 0.001 && size < 1e6) return Number(value.toPrecision(8)).toString();
  return value.toExponential(7);
}

export function percent(value) {
  return `${(100 * value).toFixed(value > 0.9995 || value < 0.0005 ? 2 : 1)} %`;
}
