//! For a device that another client encrypts with (AUT-11) and `encryption: false`:
//! simplified sliding sync (MSC4186) without the to-device and e2ee extensions, so
//! that neither keys nor to-device messages of that device are touched; unencrypted
//! rooms only.
