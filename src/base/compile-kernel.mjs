// Compiles the kernel.as of each folder and writes it down as kernel.ts beside it: npm run kernel. Needs the AssemblyScript
// compiler, which npx fetches.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const COMPILER = 'assemblyscript@0.28.20';

for (const home of process.argv.slice(2)) {
  const folder = mkdtempSync(path.join(tmpdir(), 'tocsin-kernel-'));
  try {
    const source = path.join(folder, 'kernel.ts');
    const binary = path.join(folder, 'kernel.wasm');
    copyFileSync(path.join(home, 'kernel.as'), source);
    const options = [
      '-O3',
      '--runtime',
      'stub',
      '--noAssert',
      '--enable',
      'simd',
      '--importMemory',
      '--outFile',
      binary,
    ];
    execFileSync('npx', ['--yes', '--package', COMPILER, 'asc', source, ...options], { cwd: folder, stdio: 'inherit' });
    const digest = createHash('sha256')
      .update(readFileSync(path.join(home, 'kernel.as')))
      .digest('hex');
    const base64 = readFileSync(binary)
      .toString('base64')
      .match(/.{1,110}/g);
    writeFileSync(
      path.join(home, 'kernel.ts'),
      `/** What \`npm run kernel\` made of kernel.as with ${COMPILER}; never edited. */\n\n` +
        `/** The SHA-256 of kernel.as. */\nexport const KERNEL_SOURCE_SHA256 = '${digest}';\n\n` +
        `/** WebAssembly, in base64. */\nexport const KERNEL_BASE64 =\n${base64.map((line) => `  '${line}'`).join(' +\n')};\n`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
