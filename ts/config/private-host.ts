/**
 * Whether a homeserver is on a private network, for the question setup asks
 * (WIZ-4). It asks too seldom rather than too often: what is really refused, and
 * when, the core decides for every connection.
 */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";

const PRIVATE = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const) {
  PRIVATE.addSubnet(network, bits, "ipv4");
}
PRIVATE.addAddress("::", "ipv6");
PRIVATE.addAddress("::1", "ipv6");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addSubnet("fe80::", 10, "ipv6");

function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && PRIVATE.check(address, family === 6 ? "ipv6" : "ipv4");
}

/** The host of a homeserver's URL, or of its server name. */
function hostOf(homeserver: string): string {
  return new URL(homeserver.includes("://") ? homeserver : `https://${homeserver}`).hostname;
}

/** By the name alone: private addresses, `localhost`, single labels, and names that only private networks have. */
export function isPrivateByName(homeserver: string): boolean {
  const host = hostOf(homeserver).replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();
  if (isIP(host) !== 0) return isPrivateAddress(host);
  return !host.includes(".") || /\.(?:localhost|local|internal|lan|home\.arpa|ts\.net)$/.test(host);
}

/** By the name, else by what it resolves to. A name that does not resolve is taken for public. */
export async function isPrivate(homeserver: string): Promise<boolean> {
  if (isPrivateByName(homeserver)) return true;
  try {
    const found = await lookup(hostOf(homeserver), { all: true });
    return found.some(({ address }) => isPrivateAddress(address));
  } catch {
    return false;
  }
}
