/** Hot loops in WebAssembly: `kernel.as` beside whoever uses one, compiled into `kernel.ts` by `npm run kernel`. */

/** Pages of memory are so many bytes. */
export const PAGE_BYTES = 1 << 16;

export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** As much of it as is used here: the types of Node 20 leave it out. */
declare const WebAssembly: {
  readonly Memory: new (descriptor: { readonly initial: number; readonly maximum: number }) => KernelMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: unknown, imports: unknown) => { readonly exports: unknown };
};

/** @returns the compiled kernel, from base64. */
export function compileKernel(base64: string): object {
  return new WebAssembly.Module(Buffer.from(base64, 'base64'));
}

/**
 * A kernel with a memory of its own.
 *
 * @param imports - functions that it calls.
 */
export function startKernel<Exports>(
  kernel: object,
  bytes: number,
  maximumPages: number,
  imports: Readonly<Record<string, unknown>> = {},
): { readonly memory: KernelMemory; readonly exports: Exports } {
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / PAGE_BYTES), maximum: maximumPages });
  const { exports } = new WebAssembly.Instance(kernel, { env: { memory, ...imports } });
  return { memory, exports: exports as Exports };
}
