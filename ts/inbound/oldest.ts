/** Keeps what is remembered within bounds: lets go of the entry that came first once there are more than `most`. */
export function dropOldest<K>(kept: Map<K, unknown> | Set<K>, most: number): void {
  if (kept.size > most) kept.delete(kept.keys().next().value as K);
}
