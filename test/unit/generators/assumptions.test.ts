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
