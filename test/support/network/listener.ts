import type { Server } from "node:net";
import type { AddressInfo } from "node:net";

/** A server on loopback that a test starts and stops. */
export abstract class Listener {
  protected abstract readonly server: Server;
  readonly #sockets = new Set<{ destroy: () => void }>();

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  protected async listen(): Promise<this> {
    this.server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => undefined);
    });
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(0, "127.0.0.1", resolve);
    });
    return this;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
