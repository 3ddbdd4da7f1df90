import { type Credentials, register } from "./users.ts";
import { Synapse } from "./synapse.ts";

/** Two homeservers that know each other and nobody else. */
export class Federation {
  readonly near: Synapse;
  readonly far: Synapse;

  private constructor(near: Synapse, far: Synapse) {
    this.near = near;
    this.far = far;
  }

  static async start(): Promise<Federation> {
    const started = await Promise.allSettled([1, 2].map(() => Synapse.start({ federates: true, tied: true })));
    const [near, far] = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    if (near && far) return new Federation(near, far);
    await near?.remove();
    throw started.find((one) => one.status === "rejected")?.reason;
  }

  /** Users of one name on both of them. */
  namesakes(localpart: string): Promise<[near: Credentials, far: Credentials]> {
    return Promise.all([register(this.near.baseUrl, localpart), register(this.far.baseUrl, localpart)]);
  }

  /** Stops both and deletes their data. */
  async remove(): Promise<void> {
    await Promise.all([this.near.remove(), this.far.remove()]);
  }
}
