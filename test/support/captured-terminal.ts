import { Terminal } from '../../src/cli/terminal.ts';

/** A terminal that keeps what a command writes, for commands that are called in this process. */
export class CapturedTerminal extends Terminal {
  readonly written: string[] = [];
  readonly notes: string[] = [];

  override get columns(): number {
    return 80;
  }

  override result(text: string): Promise<void> {
    this.written.push(text);
    return Promise.resolve();
  }

  override note(text: string): void {
    this.notes.push(text);
  }

  /** All results, as a reader of stdout has them. */
  get stdout(): string {
    return this.written.map((text) => `${text}\n`).join('');
  }
}
