/**
 * Where a command's words go: results to stdout and nothing else there; progress and diagnostics to stderr. Progress is
 * drawn only where stderr is a terminal, so a log file never fills with it.
 */
import picocolors from 'picocolors';

type Colors = ReturnType<typeof picocolors.createColors>;

/** A long piece of work on display, drawn from its first update on. */
export interface Progress {
  update(done: number, total: number): void;
  stop(): void;
}

const SILENT: Progress = { update: () => {}, stop: () => {} };

/** Characters that are written at once. */
const BLOCK_LENGTH = 1 << 16;

/** Colour is for people: where a terminal shows it and https://no-color.org was not asked for. */
function colorsFor(stream: NodeJS.WriteStream): Colors {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  return picocolors.createColors(!NO_COLOR && (Boolean(FORCE_COLOR) || (stream.isTTY === true && TERM !== 'dumb')));
}

export class Terminal {
  /** Whether the user asked for JSON: results and errors are then JSON. */
  readonly json: boolean;
  readonly colors: Colors = colorsFor(process.stdout);
  readonly noteColors: Colors = colorsFor(process.stderr);
  #progress: Progress | undefined;

  constructor(json: boolean) {
    this.json = json;
  }

  get outIsTerminal(): boolean {
    return process.stdout.isTTY === true;
  }

  /** Width to lay results out for: the terminal's, or 80 columns where there is none. */
  get columns(): number {
    return process.stdout.columns ?? 80;
  }

  /** Writes a result, with a newline; resolves when the reader has kept up. */
  async result(text: string): Promise<void> {
    if (!process.stdout.write(`${text}\n`)) {
      await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
    }
  }

  /** Writes many lines of results, in blocks. */
  async results(lines: Iterable<string>): Promise<void> {
    let block: string[] = [];
    let length = 0;
    for (const line of lines) {
      block.push(line);
      length += line.length;
      if (length < BLOCK_LENGTH) continue;
      await this.result(block.join('\n'));
      [block, length] = [[], 0];
    }
    if (block.length > 0) await this.result(block.join('\n'));
  }

  /** A line beside the results. */
  note(text: string): void {
    this.#progress?.stop();
    process.stderr.write(`${text}\n`);
  }

  warn(text: string): void {
    this.note(`${this.noteColors.yellow('warning:')} ${text}`);
  }

  /**
   * Announces a piece of work. Nothing is drawn where stderr is no terminal.
   *
   * @param label - what is going on, as in `generating`.
   * @param unit - what is counted, as in `partitions`.
   */
  async progress(label: string, unit: string): Promise<Progress> {
    this.#progress?.stop();
    if (!process.stderr.isTTY) return SILENT;
    const { default: cliProgress } = await import('cli-progress');
    const bar = new cliProgress.SingleBar({
      stream: process.stderr,
      format: `${label.padEnd(12)} {bar} {value}/{total} ${unit}  {duration_formatted}`,
      barsize: 28,
      barCompleteChar: '#',
      barIncompleteChar: '.',
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
    });
    const progress: Progress = {
      update: (done, total) => {
        if (!bar.isActive) bar.start(total, done);
        bar.update(done);
      },
      stop: () => {
        bar.stop();
        if (this.#progress === progress) this.#progress = undefined;
      },
    };
    this.#progress = progress;
    return progress;
  }

  /** Takes down whatever progress is drawn, so that the cursor and the line are the shell's again. */
  clear(): void {
    this.#progress?.stop();
  }
}
