// Figures from samples, and the table that is printed.

export function median(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, least and most of samples in seconds or bytes; null without samples. */
export function summary(samples) {
  if (samples.length === 0) return null;
  return { median: median(samples), least: Math.min(...samples), most: Math.max(...samples) };
}

/** `12.3 (12.1-12.9)`; with three digits below ten seconds. */
export function spread(one, unit = (value) => value.toFixed(value < 10 ? 3 : 1)) {
  return one === null ? '-' : `${unit(one.median)} (${unit(one.least)}-${unit(one.most)})`;
}

/** Rows of `{ title, cargo, drydock, goal }` with samples, as a Markdown table; the ratio is that of the medians. */
export function table(rows) {
  const lines = rows.map(({ title, cargo, drydock, goal }) => {
    const [base, own] = [summary(cargo), summary(drydock)];
    const ratio = base === null || own === null ? '-' : (own.median / base.median).toFixed(3);
    return `| ${title} | ${spread(base)} | ${spread(own)} | ${ratio} | ${goal ?? ''} |`;
  });
  return ['| | cargo, s | drydock, s | ratio | to reach |', '|---|---|---|---|---|', ...lines].join('\n');
}

export function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
