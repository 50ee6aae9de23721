//! helm template in process, with the bytes of helm v3.22.0.
