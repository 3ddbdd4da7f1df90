mod connection;
mod live;
mod people;
mod requests;
mod rig;
mod step;
