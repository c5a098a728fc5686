import { execFileSync } from 'node:child_process';

/** Builds `dist/` once before any test: worker threads and the command line run from built output. */
export default function setup(): void {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    stdio: 'inherit',
  });
}
