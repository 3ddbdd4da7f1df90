import { Readable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { COMMANDS, GROUPS } from "../../../ts/cli/commands.ts";
import { type CommandDeclaration, declareCommands } from "../../../ts/cli/declaration.ts";
import { integerOption, requiredOption, secretOption } from "../../../ts/cli/options.ts";
import { finish, onGatewayOr } from "../../../ts/cli/run.ts";
import { inline, table, terminalText } from "../../../ts/cli/text.ts";
import { hostProgram, matrixProgram } from "../support/command-line.ts";
import { LOGIN } from "../support/running.ts";

/** Declares commands on the host's program and calls one; what it printed and how it ended. */
async function call(commands: CommandDeclaration[], line: string) {
  const out = { text: "", error: "", code: -1 };
  const printed = (into: "text" | "error") => (part: unknown, done?: unknown) => {
    out[into] += String(part);
    if (typeof done === "function") done();
    return true;
  };
  vi.spyOn(process.stdout, "write").mockImplementation(printed("text") as typeof process.stdout.write);
  vi.spyOn(process.stderr, "write").mockImplementation(printed("error") as typeof process.stderr.write);
  vi.spyOn(process, "exit").mockImplementation(((code: number) => void (out.code = code)) as typeof process.exit);
  const program = hostProgram();
  declareCommands(program, {}, commands, { cfg: {} });
  await program.parseAsync(line.split(" "), { from: "user" });
  return out;
}

afterEach(() => vi.restoreAllMocks());

/** A command that prints what it was given. */
function echo(words: string, more: Partial<CommandDeclaration> = {}): CommandDeclaration {
  return {
    words,
    summary: words,
    load: async () => async (host, options: object, args) => ({ json: { options, args, verbose: host.verbose }, lines: [`${args.join(",")}`], exitCode: 0 }),
    ...more,
  };
}

describe("commands", () => {
  it("[VER-1] every command is there with its words, its flags and the common ones, and its work loads", async () => {
    const program = matrixProgram({ config: {} });
    for (const declared of COMMANDS) {
      const words = declared.words.split(" ").filter((word) => !/^[<[]/.test(word));
      let command = program.commands.find((one) => one.name() === "matrix");
      for (const word of words) command = command?.commands.find((one) => one.name() === word);
      expect(command?.description(), declared.words).toBe(declared.summary);
      const flags = command?.options.map((option) => option.flags);
      expect(flags).toEqual([...Object.keys(declared.flags ?? {}), "--account <id>", "--json", "--verbose"]);
      expect(await declared.load(), declared.words).toBeTypeOf("function");
      for (let depth = words.length - 1; depth > 0; depth--) expect(GROUPS[words.slice(0, depth).join(" ")], declared.words).toBeTruthy();
    }
  });

  it("[ACC-5] passes arguments and flags on, under nested groups", async () => {
    const commands = [echo("a b show <id>", { flags: { "--user-id <id>": "who" } }), echo("a b drop [ids...]"), echo("a list")];
    const shown = await call(commands, "a b show 7 --user-id @u:hs --account ops --json --verbose");
    expect(JSON.parse(shown.text)).toEqual({ options: { userId: "@u:hs", account: "ops", json: true, verbose: true }, args: ["7"], verbose: true });
    expect((await call(commands, "a b drop 1 2 3")).text).toBe("1,2,3\n");
    expect((await call(commands, "a b drop")).text).toBe("\n");
    expect(JSON.parse((await call(commands, "a list --json")).text)).toMatchObject({ args: [], verbose: false });
  });

  it("[VER-1] an error is one JSON document with exit 1, with `success` where the command has one", async () => {
    const broken = { load: async () => async () => Promise.reject(new Error("why\u001B[2J")) };
    expect(await call([echo("x", broken)], "x --json")).toMatchObject({ code: 1, error: "", text: expect.stringContaining('{\n  "error": "why') });
    expect(JSON.parse((await call([echo("x", { ...broken, failure: "success" })], "x --json")).text)).toEqual({ success: false, error: "why\u001B[2J" });
    expect(await call([echo("x", broken)], "x")).toMatchObject({ code: 1, text: "", error: "why[2J\n" });
  });

  it("[ACC-5] the commands that are named to people are for the account that was given", async () => {
    const said = "Next: `openclaw matrix verify status`, or `openclaw matrix devices renew --account other`; `openclaw matrix verify …` and `… drop <id>`.";
    const command = echo("x", { load: async () => async () => ({ json: said, lines: [said], exitCode: 0 }) });
    const named = said.replace("verify status`", "verify status --account ops`");
    expect((await call([command], "x --account ops")).text).toBe(`${named}\n`);
    expect((await call([command], "x")).text).toBe(`${said}\n`);
    const broken = echo("x", { load: async () => async () => Promise.reject(new Error(said)) });
    expect((await call([broken], "x --account ops")).error).toBe(`${named}\n`);
    expect(JSON.parse((await call([broken], "x --account ops --json")).text)).toEqual({ error: said });
  });

  it("[VER-1] the work is loaded only when its command is called", () => {
    const load = vi.fn();
    declareCommands(hostProgram(), {}, [echo("x", { load }), echo("y z", { load })], { cfg: {} });
    expect(load).not.toHaveBeenCalled();
  });

  it("[VER-1] a gateway that answers late is not gone: the command does not go behind its back", async () => {
    const late = Object.assign(new Error("gateway timeout"), { name: "GatewayTransportError", kind: "timeout", connectionDetails: {} });
    const otherwise = vi.fn();
    const host = { cfg: { channels: { matrix: LOGIN } }, call: async () => Promise.reject(late) };
    await expect(onGatewayOr(host, undefined, "matrix.x", {}, otherwise, 5000)).rejects.toThrow(/within 5 s.*may still be under way/);
    expect(otherwise).not.toHaveBeenCalled();
  });

  it("[VER-1] ends with the outcome's exit code once everything is written", async () => {
    const seen: (string | number)[] = [];
    await finish(false, async () => ({ json: {}, lines: ["a", "b"], exitCode: 3 }), {
      write: async (text) => void seen.push(text),
      writeError: async () => undefined,
      exit: (code) => void seen.push(code),
    });
    expect(seen).toEqual(["a\nb\n", 3]);
  });
});

describe("a command's flags", () => {
  const flags = { flag: "--recovery-key", stdinFlag: "--recovery-key-stdin" };
  const input = (...parts: (string | Buffer)[]) => Readable.from(parts.map((part) => Buffer.from(part)));

  it("[VER-3] a secret comes by flag or on standard input, trimmed", async () => {
    expect(await secretOption({ ...flags })).toBeUndefined();
    expect(await secretOption({ ...flags, value: " EsT a \n" })).toBe("EsT a");
    expect(await secretOption({ ...flags, stdin: true }, input("  Es", "T käy\n\n"))).toBe("EsT käy");
    const cut = Buffer.from("ä");
    expect(await secretOption({ ...flags, stdin: true }, input(cut.subarray(0, 1), cut.subarray(1)))).toBe("ä");
  });

  it("[VER-3] both, an empty one and one that is too long are refused without being repeated", async () => {
    const both = secretOption({ ...flags, value: "SECRET", stdin: true }, input("SECRET"));
    await expect(both).rejects.toThrow(/^(?!.*SECRET).*either --recovery-key or --recovery-key-stdin, not both/);
    await expect(secretOption({ ...flags, value: "  " })).rejects.toThrow("--recovery-key is empty");
    await expect(secretOption({ ...flags, stdin: true }, input(" \n"))).rejects.toThrow("--recovery-key-stdin");
    const kilobyte = "k".repeat(1024);
    await expect(secretOption({ ...flags, stdin: true }, input(...Array.from({ length: 1025 }, () => kilobyte)))).rejects.toThrow(/^(?!.*kkk).*longer than 1 MiB/);
    expect(await secretOption({ ...flags, stdin: true }, input(...Array.from({ length: 1024 }, () => kilobyte)))).toHaveLength(1024 * 1024);
  });

  it("[VER-4] numbers and texts that must be there are asked for by their flag", () => {
    expect(integerOption(undefined, "--timeout-ms", { min: 1 })).toBeUndefined();
    expect(integerOption("180000", "--timeout-ms", { min: 1 })).toBe(180_000);
    for (const wrong of ["0", "-1", "1.5", "1e3", "", "x", "99999999999999999999"]) {
      expect(() => integerOption(wrong, "--timeout-ms", { min: 1 }), wrong).toThrow(`--timeout-ms takes a whole number from 1, not "${wrong}"`);
    }
    expect(requiredOption(" @a:hs ", "--user-id <id>")).toBe("@a:hs");
    expect(() => requiredOption("  ", "--user-id <id>")).toThrow("Give --user-id <id>.");
  });
});

describe("text in a terminal", () => {
  it("[VER-1] nothing of others moves the cursor, turns text around or begins a line", () => {
    expect(terminalText("a\u001B]0;x\u0007\u009B2J\u202Eb\u2066c\u2028d\re")).toBe("a]0;x2Jbcde");
    expect(inline(" phone\n\u001B[1AVerified: yes\t\u200F ")).toBe("phone [1AVerified: yes");
  });

  it("[DEV-1] tables line up, whatever stands in them", () => {
    expect(table(["Id", "Name"], [["ABCDEF", "phone\nof Ä"], ["X", ""]])).toEqual(["Id      Name", "ABCDEF  phone of Ä", "X"]);
  });
});
