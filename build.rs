//! How the static binary is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let setting = |name: &str| std::env::var(name).unwrap_or_default();
    let is_dynamic = setting("CARGO_ENCODED_RUSTFLAGS").contains("-crt-static");
    if setting("CARGO_CFG_TARGET_ENV") == "musl" && !is_dynamic {
        // A start is mostly relocating: 40,000 relocations are a megabyte to read, packed ones 12 kB. The musl
        // that a static binary brings along can read them; a system's loader might not.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
