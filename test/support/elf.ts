import { execFileSync } from "node:child_process";

/** What a shared library of Linux asks of the machine it is loaded on. */
export interface Needs {
  /** Libraries by name: `libc.so.6`. */
  libraries: string[];
  /** Functions with the version of glibc they came with. */
  symbols: { name: string; glibc: string }[];
}

/** Reads the output of `readelf --wide --dynamic --dyn-syms`. */
export function parseNeeds(output: string): Needs {
  return {
    libraries: [...output.matchAll(/\(NEEDED\).*\[([^\]]+)\]/g)].map((match) => match[1] as string),
    symbols: [...output.matchAll(/\bUND (\S+?)@+GLIBC_([\d.]+)/g)].map((match) => ({ name: match[1] as string, glibc: match[2] as string })),
  };
}

export function needsOf(file: string): Needs {
  return parseNeeds(execFileSync("readelf", ["--wide", "--dynamic", "--dyn-syms", file], { encoding: "utf8", maxBuffer: 1 << 26 }));
}

/** Compares versions of glibc: 2.4 is before 2.28. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [version, than].map((one) => one.split(".").map(Number)) as [number[], number[]];
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
