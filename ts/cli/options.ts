/** Reading what a command was given: numbers, exclusive flags, secrets on standard input. */

/** The most a secret on standard input may have, in bytes. */
const SECRET_MAX_BYTES = 1024 * 1024;

/**
 * A whole number.
 *
 * @throws Error naming the flag
 */
export function integerOption(value: string | undefined, flag: string, { min }: { min: number }): number | undefined {
  if (value === undefined) return undefined;
  const number = /^-?\d+$/.test(value.trim()) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(number) || number < min) throw new Error(`${flag} takes a whole number from ${min}, not "${value}".`);
  return number;
}

/**
 * A text that the command cannot do without.
 *
 * @throws Error naming the flag
 */
export function requiredOption(value: string | undefined, flag: string): string {
  const text = value?.trim();
  if (!text) throw new Error(`Give ${flag}.`);
  return text;
}

/** A secret as a command may be given it. */
export interface SecretOption {
  /** Value of the flag, if it was used; every process of the machine can read it. */
  value?: string;
  /** Whether the secret comes on standard input. */
  stdin?: boolean;
  /** Names of both, for error texts: `--recovery-key`, `--recovery-key-stdin`. */
  flag: string;
  stdinFlag: string;
}

/**
 * The secret, trimmed; undefined if neither flag was used.
 *
 * @throws Error if both were, or if the secret is empty or too long; never with the secret
 */
export async function secretOption(option: SecretOption, input: AsyncIterable<Buffer | string> = process.stdin): Promise<string | undefined> {
  const { value, stdin, flag, stdinFlag } = option;
  if (value !== undefined && stdin) throw new Error(`Give either ${flag} or ${stdinFlag}, not both.`);
  if (!stdin) {
    if (value === undefined) return undefined;
    if (value.trim() === "") throw new Error(`${flag} is empty.`);
    return value.trim();
  }
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of input) {
    const buffer = Buffer.from(part);
    bytes += buffer.length;
    if (bytes > SECRET_MAX_BYTES) throw new Error(`What came on standard input for ${stdinFlag} is longer than 1 MiB; that is no key.`);
    parts.push(buffer);
  }
  const secret = Buffer.concat(parts).toString("utf8").trim();
  if (secret === "") throw new Error(`Nothing came on standard input for ${stdinFlag}. Pipe the secret in, as in \`${stdinFlag} < file\`.`);
  return secret;
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000 } as const;

/**
 * A span of time as people write it, `90s`, `10m`, `2h`; in milliseconds.
 *
 * @throws Error naming the flag
 */
export function spanOption(value: string | undefined, flag: string): number | undefined {
  if (value === undefined) return undefined;
  const [, number, unit] = /^(\d{1,6})([smh])$/.exec(value.trim()) ?? [];
  const span = Number(number) * UNITS[unit as keyof typeof UNITS];
  if (!(span > 0)) throw new Error(`${flag} takes a time like 90s, 10m or 2h, not "${value}".`);
  return span;
}
