mod connection;
mod live;
#[path = "../../../tests/live/other_client.rs"]
mod other_client;
mod requests;
mod rig;
mod step;
