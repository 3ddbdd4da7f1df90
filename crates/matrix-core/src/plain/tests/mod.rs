mod connection;
mod live;
mod requests;
mod rig;
mod step;
