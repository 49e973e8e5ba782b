/**
 * The system-call filter of the sandbox, as Nix sets it: no set-id bits through chmod, no extended attributes, because
 * neither can be represented in a store path (Nix manual, "Building"). Assembled here as classic BPF.
 */

interface Architecture {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number;
  /** System call number -> index of its argument with the mode. */
  readonly modes: readonly (readonly [call: number, argument: number])[];
  readonly attributes: readonly number[];
}

const x86_64: Architecture = {
  audit: 0xc000003e,
  modes: [
    [90, 1],
    [91, 1],
    [268, 2],
    [452, 2],
  ],
  attributes: [188, 189, 190, 191, 192, 193, 463, 464],
};
const i386: Architecture = {
  audit: 0x40000003,
  modes: [
    [15, 1],
    [94, 1],
    [306, 2],
    [452, 2],
  ],
  attributes: [226, 227, 228, 229, 230, 231, 463, 464],
};
const aarch64: Architecture = {
  audit: 0xc00000b7,
  modes: [
    [52, 1],
    [53, 2],
    [452, 2],
  ],
  attributes: [5, 6, 7, 8, 9, 10, 463, 464],
};
const arm: Architecture = {
  audit: 0x40000028,
  modes: [
    [15, 1],
    [94, 1],
    [333, 2],
    [452, 2],
  ],
  attributes: [226, 227, 228, 229, 230, 231, 463, 464],
};

const byMachine: Readonly<Record<string, readonly Architecture[]>> = { x64: [x86_64, i386], arm64: [aarch64, arm] };

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const AT_LEAST = 0x35; // BPF_JMP | BPF_JGE | BPF_K
const BITS = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;
const ENOTSUP = 95;
const S_ISUID_OR_ISGID = 0o6000;
const X32 = 0x40000000;
/** Offsets in `struct seccomp_data`, little endian: the low word of an argument comes first. */
const NUMBER = 0;
const AUDIT = 4;
const argument = (index: number) => 16 + index * 8;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

/** The filter for this machine, as `bwrap --seccomp FD` reads it; null: a machine for which there is none. */
export function seccompProgram(machine: string = process.arch): Buffer | null {
  const architectures = byMachine[machine];
  if (architectures === undefined) return null;
  const program: Instruction[] = [];
  for (const architecture of architectures) {
    const body = filterOf(architecture);
    program.push([LOAD, 0, 0, AUDIT], [EQUAL, 0, body.length, architecture.audit], ...body);
  }
  program.push([RETURN, 0, 0, ERRNO | ENOSYS]);
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, jumpTrue, jumpFalse, value], index) => {
    const at = index * 8;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(jumpTrue, at + 2);
    bytes.writeUInt8(jumpFalse, at + 3);
    bytes.writeUInt32LE(value, at + 4);
  });
  return bytes;
}

function filterOf(architecture: Architecture): readonly Instruction[] {
  const body: Instruction[] = [[LOAD, 0, 0, NUMBER]];
  if (architecture === x86_64) body.push([AT_LEAST, 0, 1, X32], [RETURN, 0, 0, ERRNO | ENOSYS]);
  for (const call of architecture.attributes) body.push([EQUAL, 0, 1, call], [RETURN, 0, 0, ERRNO | ENOTSUP]);
  for (const [call, at] of architecture.modes) {
    body.push(
      [EQUAL, 0, 4, call],
      [LOAD, 0, 0, argument(at)],
      [BITS, 0, 1, S_ISUID_OR_ISGID],
      [RETURN, 0, 0, ERRNO | EPERM],
      [RETURN, 0, 0, ALLOW],
    );
  }
  body.push([RETURN, 0, 0, ALLOW]);
  return body;
}
