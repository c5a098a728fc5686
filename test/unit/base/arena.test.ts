import { expect, test } from 'vitest';
import { inArena, outsideArena, shortened, takeWords } from '../../../src/base/arena.ts';

test('arrays of a task lie in a block that the next task uses again', () => {
  const first = inArena(() => takeWords(1000));
  const second = inArena(() => [takeWords(10), takeWords(1000)] as const);
  expect(second[0].buffer).toBe(first.buffer);
  expect(second[1].buffer).toBe(first.buffer);
  expect(second[1].byteOffset).toBeGreaterThanOrEqual(40);
});

test('what is given back of the last array is taken by the next', () => {
  inArena(() => {
    const long = takeWords(1000);
    const short = shortened(long, 10);
    expect(short).toHaveLength(10);
    expect(takeWords(1).byteOffset).toBe(short.byteOffset + 40);
  });
});

test('outside of the arena an array is its own, whatever the task around it', () => {
  inArena(() => {
    const own = outsideArena(() => takeWords(10));
    expect(own.buffer.byteLength).toBe(40);
    expect(takeWords(10).buffer).not.toBe(own.buffer);
  });
  expect(takeWords(10).buffer.byteLength).toBe(40);
});
