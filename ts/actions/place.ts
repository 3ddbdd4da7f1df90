/** A place as agents write it. */

export interface Place {
  /** Degrees. */
  latitude: number;
  longitude: number;
  /** Metres. */
  altitude?: number;
  /** Metres around it. */
  uncertainty?: number;
}

const NUMBER = String.raw`[+-]?\d+(?:\.\d+)?`;
const PLACE = new RegExp(`^(?:geo:)?\\s*(${NUMBER})\\s*,\\s*(${NUMBER})(?:\\s*,\\s*(${NUMBER}))?(?:;crs=wgs84)?(?:;u=(\\d+(?:\\.\\d+)?))?$`, "i");

/** `48.2,16.37`, `48.2,16.37,151`, `geo:48.2,16.37;u=35` (RFC 5870). */
export function parsePlace(written: string): Place {
  const match = PLACE.exec(written.trim());
  if (!match) throw new Error(`"${written}" is no place: write latitude and longitude, like 48.2082,16.3738`);
  const [, latitude, longitude, altitude, uncertainty] = match;
  return {
    latitude: Number(latitude),
    longitude: Number(longitude),
    ...(altitude === undefined ? {} : { altitude: Number(altitude) }),
    ...(uncertainty === undefined ? {} : { uncertainty: Number(uncertainty) }),
  };
}
