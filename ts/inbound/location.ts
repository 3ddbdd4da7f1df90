/** A place somebody sent, for the agent's context (LOC-1). */

export interface LocationContext {
  /** Degrees, WGS 84. */
  LocationLat: number;
  LocationLon: number;
  /** Metres. */
  LocationAccuracy?: number;
  LocationCaption?: string;
}

const GEO = /^geo:([+-]?\d+(?:\.\d+)?),([+-]?\d+(?:\.\d+)?)(?:,[+-]?\d+(?:\.\d+)?)?((?:;[^;]+)*)$/i;

/** @param geoUri as RFC 5870 has it; other coordinate systems than WGS 84 are not understood */
export function locationContext(geoUri: string | undefined, caption: string): LocationContext | undefined {
  const match = geoUri === undefined ? null : GEO.exec(geoUri.trim());
  if (!match) return undefined;
  const [, latitude, longitude, parameters = ""] = match;
  const named = new Map(parameters.toLowerCase().split(";").map((parameter) => [parameter.split("=")[0], parameter.split("=")[1]] as const));
  const system = named.get("crs");
  const [lat, lon] = [Number(latitude), Number(longitude)];
  if ((system !== undefined && system !== "wgs84") || Math.abs(lat) > 90 || Math.abs(lon) > 180) return undefined;
  const accuracy = Number(named.get("u") ?? Number.NaN);
  return {
    LocationLat: lat,
    LocationLon: lon,
    ...(Number.isFinite(accuracy) && accuracy >= 0 ? { LocationAccuracy: accuracy } : {}),
    ...(caption === "" ? {} : { LocationCaption: caption }),
  };
}
