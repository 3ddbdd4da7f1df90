/** Files made for tests: small, and each unlike the others. */
import { randomBytes } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** A picture of two colours that no other call makes. */
export function png(width: number, height: number): Buffer {
  const [above, below] = [randomBytes(3), randomBytes(3)];
  const rows = Array.from({ length: height }, (_, y) => Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, y < height / 2 ? above : below)]));
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", deflateSync(Buffer.concat(rows))), chunk("IEND", Buffer.alloc(0))]);
}

function page(granule: number, packets: readonly Buffer[]): Buffer {
  const lacing = packets.flatMap((packet) => [...Array.from({ length: Math.floor(packet.length / 255) }, () => 255), packet.length % 255]);
  const head = Buffer.alloc(27);
  head.write("OggS", 0, "latin1");
  head.writeBigInt64LE(BigInt(granule), 6);
  head[26] = lacing.length;
  return Buffer.concat([head, Buffer.from(lacing), ...packets]);
}

/** Two seconds of Opus to whoever reads its headers, quiet and then loud; `HEARD` makes out the words. */
export function voice(words: string): Buffer {
  const head = Buffer.concat([Buffer.from("OpusHead\x01\x01", "latin1"), Buffer.from([56, 1, 0, 0, 0, 0, 0, 0, 0])]);
  const tags = Buffer.from(`OpusTags[[${Buffer.from(words).toString("base64")}]]`, "latin1");
  const packet = (size: number) => Buffer.concat([Buffer.from([9 << 3]), Buffer.alloc(size - 1, 1)]);
  const second = (size: number) => Array.from({ length: 50 }, () => packet(size));
  return Buffer.concat([page(0, [head]), page(0, [tags]), page(48_312, second(8)), page(96_312, second(200))]);
}

/** A script for `node -e` that stands for speech recognition: it prints the words of the recording it is given. */
export const HEARD = `const found = /\\[\\[([\\w+/=]*)\\]\\]/.exec(require("fs").readFileSync(process.argv[1], "latin1")); process.stdout.write(found ? Buffer.from(found[1], "base64").toString() : "");`;
