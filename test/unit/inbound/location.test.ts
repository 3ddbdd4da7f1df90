import { describe, expect, it } from "vitest";
import { locationContext } from "../../../ts/inbound/location.ts";

describe("places in", () => {
  it.each([
    ["geo:48.2082,16.3738", { LocationLat: 48.2082, LocationLon: 16.3738 }],
    ["geo:48.2,-16.3,151;u=35", { LocationLat: 48.2, LocationLon: -16.3, LocationAccuracy: 35 }],
    ["geo:1,2;crs=wgs84;u=0", { LocationLat: 1, LocationLon: 2, LocationAccuracy: 0 }],
    ["geo:1,2;u=x", { LocationLat: 1, LocationLon: 2 }],
  ])("[LOC-1] %s", (uri, place) => {
    expect(locationContext(uri, "")).toEqual(place);
  });

  it.each(["geo:91,2", "geo:1,181", "geo:1,2;crs=moon-2011", "geo:here", "https://example.org", undefined])("[LOC-1] %s is on no map", (uri) => {
    expect(locationContext(uri, "")).toBeUndefined();
  });

  it("[LOC-1] what was written with it is its caption", () => {
    expect(locationContext("geo:1,2", "Home")).toMatchObject({ LocationCaption: "Home" });
  });
});
