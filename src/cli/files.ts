/** Reading the small text files that a user names: rules, alerts. */
import { readFile } from 'node:fs/promises';
import { TocsinError } from '../base/errors.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder, expected a file',
  EACCES: 'permission denied',
  ENOTDIR: 'a part of the path is not a folder',
};

/** @throws {@link TocsinError} `INPUT` where the file cannot be read. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new TocsinError('INPUT', `${file}: ${(code && REASONS[code]) ?? message}`, { cause: error });
  }
}
