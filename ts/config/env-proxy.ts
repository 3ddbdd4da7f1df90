/**
 * The proxy that the environment names, as other programs read it (NET-5): `HTTPS_PROXY`, `HTTP_PROXY` and
 * `ALL_PROXY`, with the exceptions of `NO_PROXY`; the spelling in small letters counts first. A key in the
 * configuration stands above it.
 */
import { BlockList, isIP } from "node:net";
import { type Environment, readEnv } from "./env.ts";

function either(env: Environment, name: string): string | undefined {
  return readEnv(env, name.toLowerCase()) ?? readEnv(env, name);
}

/** Whether one entry of `NO_PROXY` means this host: a name with all below it, an address, a network, each perhaps with a port. */
function means(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  const [, named, wantedPort] = /^(\[[^\]]*\]|[^:]*|[^:]*:[^:]*:.*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (named === undefined || (wantedPort !== undefined && wantedPort !== port)) return false;
  const name = named.replace(/^\[|\]$/g, "").replace(/^\*?\.|\.$/g, "");
  const network = /^(.+)\/(\d{1,3})$/.exec(name);
  if (network?.[1] !== undefined && isIP(network[1]) !== 0) {
    const family = isIP(host);
    if (family === 0 || family !== isIP(network[1]) || Number(network[2]) > (family === 6 ? 128 : 32)) return false;
    const list = new BlockList();
    list.addSubnet(network[1], Number(network[2]), family === 6 ? "ipv6" : "ipv4");
    return list.check(host, family === 6 ? "ipv6" : "ipv4");
  }
  return name !== "" && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
}

/** @param homeserver its base URL, or its name alone */
export function environmentProxy(homeserver: string, env: Environment): string | undefined {
  const text = homeserver.includes("://") ? homeserver : `https://${homeserver}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const secure = url.protocol === "https:";
  const stated = either(env, secure ? "HTTPS_PROXY" : "HTTP_PROXY") ?? either(env, "ALL_PROXY");
  if (stated === undefined) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();
  const port = url.port || (secure ? "443" : "80");
  const exceptions = (either(env, "NO_PROXY") ?? "").toLowerCase().split(/[\s,]+/).filter((entry) => entry !== "");
  if (exceptions.some((entry) => means(entry, host, port))) return undefined;
  return stated.includes("://") ? stated : `http://${stated}`;
}
