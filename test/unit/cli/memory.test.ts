import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { byteCount, replayingBytes, threadsWithin, withinMemory } from '../../../src/cli/memory.ts';

const MIB = 2 ** 20;

describe('--memory', () => {
  it.each([
    ['2GiB', 2 ** 31],
    ['512 MiB', 512 * MIB],
    ['1.5g', 1.5 * 2 ** 30],
    ['3000000000', 3e9],
    ['2GB', 2e9],
  ])('%s', (text, bytes) => {
    expect(byteCount(text)).toBe(bytes);
  });

  it.each(['', '2', '-1GiB', '2 bananas', '0GiB', '1e9'])('refuses %j', (text) => {
    expect(() => byteCount(text)).toThrow('Expected at least 1 MiB, such as 512MiB or 2GiB.');
  });

  it('lets as many threads work as fit, and says what one needs where none does', () => {
    expect(threadsWithin({ threads: 8 }, 'generating')).toBe(8);
    expect(threadsWithin({}, 'generating')).toBe(undefined);
    expect(threadsWithin({ memory: 16 * 2 ** 30, threads: 8 }, 'generating')).toBe(8);
    expect(threadsWithin({ memory: 470 * MIB, threads: 8 }, 'generating')).toBe(2);
    expect(threadsWithin({ memory: 300 * MIB, threads: 0 }, 'generating')).toBe(0);
    expect(() => threadsWithin({ memory: 200 * MIB, threads: 8 }, 'generating')).toThrow(
      '--memory 200 MiB cannot be kept: one thread needs about 300 MiB\nhint: allow 300 MiB or more',
    );
  });

  it('follows the largest partition of a dataset', () => {
    const file = (partition: number, sizeBytes: number) => ({
      file: '',
      rowCount: 1,
      firstGenerated: undefined,
      lastGenerated: undefined,
      sha256: '',
      partition,
      sizeBytes,
    });
    const tables = [
      { table: 'a', rowCount: 2, files: [file(0, 10 * MIB), file(1, 30 * MIB)] },
      { table: 'b', rowCount: 1, files: [file(1, 20 * MIB)] },
    ];
    expect(replayingBytes({ tables })).toBe(200 * MIB);
    expect(threadsWithin({ memory: 700 * MIB, threads: 4 }, replayingBytes({ tables }))).toBe(2);
    expect(replayingBytes({ tables: [] })).toBe(0);
  });

  it('stops work that takes more, and says what can be changed', async () => {
    let taken = 100 * MIB;
    const work = async (signal: AbortSignal): Promise<string> => {
      while (!signal.aborted) {
        await sleep(5);
        taken += 10 * MIB;
      }
      throw new Error('interrupted');
    };
    const signal = new AbortController().signal;
    await expect(withinMemory(200 * MIB, signal, 'use fewer --threads', work, () => taken)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(
        /^--memory 200 MiB was not enough: \d+ MiB were taken, and the work was stopped\nhint: use fewer --threads, or allow more$/,
      ),
    });
  });

  it('leaves work alone that keeps within it, and other failures as they are', async () => {
    const signal = new AbortController().signal;
    expect(
      await withinMemory(
        200 * MIB,
        signal,
        '',
        async () => 'done',
        () => MIB,
      ),
    ).toBe('done');
    expect(await withinMemory(undefined, signal, '', async (given) => given === signal)).toBe(true);
    const failure = new Error('something else');
    await expect(
      withinMemory(
        200 * MIB,
        signal,
        '',
        () => Promise.reject(failure),
        () => MIB,
      ),
    ).rejects.toBe(failure);
  });
});
