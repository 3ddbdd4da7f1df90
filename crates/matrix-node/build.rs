//! Link arguments and type definitions of the addon.

fn main() {
    napi_build::setup();
}
