import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { expect, test } from 'vitest';

test('no rate, share or delay of the generator stands outside its assumptions', () => {
  const files = globSync('generators/**/*.ts').filter((file) => !file.endsWith('assumptions.ts'));
  expect(files.length).toBeGreaterThan(15);
  // A draw with a number in place of a name. A day's 24 hours are a fact.
  const bare =
    /\b(?:chance|poisson)\(\s*[\d.]|\blognormal\([\d.]+,\s*[\d.]|\bweighted\(\s*\[|\bbetween\(\s*-?[\d.]+,(?! 24\))/g;
  const found = files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .flatMap((line, index) => (line.match(bare) ?? []).map((call) => `${file}:${index + 1} ${call}`)),
  );
  expect(found).toEqual([]);
});

test('nothing that makes a row asks the platform, the clock or the locale', () => {
  const files = globSync(['generators/**/*.ts', 'src/base/random.ts', 'src/base/time.ts']);
  expect(files.length).toBeGreaterThan(20);
  // What IEEE 754 does not round to one result, and what differs by machine or moment.
  const unsteady =
    /\bMath\.(?:random|sin|cos|tan|asin|acos|atan2?|sinh|cosh|tanh|exp|expm1|log|log2|log10|log1p|pow|cbrt|hypot)\b|\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\blocaleCompare\b|\btoLocale\w+|\bIntl\b/g;
  const found = files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(?:\/?\*|\/\/)/.test(line))
      .flatMap((line) => (line.match(unsteady) ?? []).map((call) => `${file} ${call}`)),
  );
  expect(found).toEqual([]);
});
