//! What the page has to know as the gateway does: windows, colours of maps, limits of forms. Written to
//! `web/src/api/display.json`; a test keeps it fresh.

use serde_json::{Value, json};

use crate::http::paging::MAX_LIMIT;
use crate::http::text::{NAME_CHARACTERS, TEXT_CHARACTERS};
use crate::pixels::colour_scale::{CLEAR_BELOW, COLOUR_SCALES, OPACITY_GAIN};
use crate::pixels::window::PRESETS;

/// The values, by name.
pub fn display_values() -> Value {
    let windows: serde_json::Map<String, Value> = PRESETS
        .iter()
        .map(|(name, center, width)| {
            // Whole numbers, as they are written by hand.
            (
                (*name).to_owned(),
                json!({"center": *center as i64, "width": *width as i64}),
            )
        })
        .collect();
    let scales: serde_json::Map<String, Value> = COLOUR_SCALES
        .iter()
        .map(|scale| (scale.name.to_owned(), json!(scale.points)))
        .collect();
    json!({
        "colour_scales": scales,
        "limits": {
            "name_characters": NAME_CHARACTERS,
            "page_items": MAX_LIMIT,
            "text_characters": TEXT_CHARACTERS,
        },
        "map_opacity": {"clear_below": CLEAR_BELOW, "gain": f64::from((OPACITY_GAIN * 10.0).round()) / 10.0},
        "windows": windows,
    })
}
