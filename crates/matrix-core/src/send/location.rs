//! Places out: `m.location`, with the fields of MSC3488 beside it.

use serde_json::{Map, Value, json};

use super::{SendLocation, content::relation};
use crate::{
    error::{Error, ErrorCode, Result},
    health::now_ms,
    outbox::Part,
};

/// A place, for maps and as text.
///
/// # Errors
/// `config_invalid` for coordinates that are on no map.
pub(crate) fn location_part(request: &SendLocation) -> Result<Part> {
    let SendLocation {
        latitude,
        longitude,
        altitude,
        uncertainty,
        ..
    } = request;
    if !(-90.0..=90.0).contains(latitude) || !(-180.0..=180.0).contains(longitude) {
        return Err(Error::new(
            ErrorCode::ConfigInvalid,
            format!(
                "{latitude}, {longitude} is no place: latitude -90 to 90, longitude -180 to 180"
            ),
        ));
    }
    let mut uri = format!("geo:{latitude},{longitude}");
    if let Some(altitude) = altitude.filter(|metres| metres.is_finite()) {
        uri.push_str(&format!(",{altitude}"));
    }
    if let Some(uncertainty) = uncertainty.filter(|metres| metres.is_finite() && *metres >= 0.0) {
        uri.push_str(&format!(";u={uncertainty}"));
    }
    let description = request
        .description
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let body = match description {
        Some(description) => format!("{description} ({uri})"),
        None => format!("Location: {uri}"),
    };
    let mut location = json!({ "uri": uri });
    if let Some(description) = description {
        location["description"] = description.into();
    }
    let mut content = Map::new();
    for (key, value) in [
        ("msgtype", json!("m.location")),
        ("body", json!(body)),
        ("geo_uri", json!(uri)),
        ("org.matrix.msc3488.location", location),
        // A place, not where the sender is.
        ("org.matrix.msc3488.asset", json!({ "type": "m.pin" })),
        ("org.matrix.msc3488.ts", json!(now_ms())),
        ("org.matrix.msc1767.text", json!(body)),
        ("m.mentions", json!({})),
    ] {
        content.insert(key.to_owned(), value);
    }
    if let Some(relation) = relation(&request.target, true) {
        content.insert("m.relates_to".to_owned(), relation);
    }
    Ok(Part {
        event_type: "m.room.message".to_owned(),
        content: Value::Object(content),
    })
}
