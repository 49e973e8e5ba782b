/** Real crates that differ in kind, each used by a small program. */
import type { Case } from '../oracle/cases.ts';

export const realCases: readonly Case[] = [
  {
    name: 'crates that compile C and assembler',
    arguments: [],
    files: {
      'Cargo.toml': `[package]
name = "csys"
version = "0.1.0"
edition = "2024"
[dependencies]
zstd = "0.13"
flate2 = { version = "1", default-features = false, features = ["zlib"] }
libz-sys = { version = "1", features = ["static"] }
ring = "0.17"
bzip2 = "0.5"
libsqlite3-sys = { version = "0.30", features = ["bundled"] }
lz4-sys = "1"
`,
      'src/main.rs': `use std::io::Write;
fn main() {
    let z = zstd::encode_all(&b"hello hello hello"[..], 3).unwrap();
    println!("{}", String::from_utf8(zstd::decode_all(&z[..]).unwrap()).unwrap());
    let mut e = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    e.write_all(b"abc").unwrap(); println!("{}", e.finish().unwrap().len());
    println!("{:?}", ring::digest::digest(&ring::digest::SHA256, b"x"));
    println!("{}", unsafe { libsqlite3_sys::sqlite3_libversion_number() });
    println!("{}", unsafe { lz4_sys::LZ4_versionNumber() });
    let mut b = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best()); b.write_all(b"abc").unwrap(); println!("{}", b.finish().unwrap().len());
}
`,
    },
  },
  {
    name: 'generated code: protocol buffers, a bridge to C++, what was built',
    arguments: ['--release'],
    files: {
      'Cargo.toml': `[package]
name = "netmix"
version = "0.1.0"
edition = "2021"
build = "build.rs"
[dependencies]
tokio = { version = "1", features = ["full"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
prost = "0.13"
cxx = "1"
thiserror = "2"
anyhow = "1"
rustix = "0.38"
clap = { version = "4", features = ["derive"] }
built = { version = "0.7" }
[build-dependencies]
cxx-build = "1"
prost-build = "0.13"
protox = "0.7"
built = { version = "0.7", features = ["git2", "chrono"] }
`,
      'build.rs': `fn main() {
    let fds = protox::compile(["proto/a.proto"], ["proto"]).unwrap();
    prost_build::compile_fds(fds).unwrap();
    cxx_build::bridge("src/bridge.rs").file("src/blob.cc").std("c++17").compile("blob");
    built::write_built_file().unwrap();
    println!("cargo:rerun-if-changed=src/bridge.rs");
    println!("cargo:rerun-if-changed=src/blob.cc");
    println!("cargo:rerun-if-changed=include/blob.h");
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-env-changed=NETMIX_X");
    println!("cargo:rustc-env=NETMIX_X={}", std::env::var("NETMIX_X").unwrap_or("unset".into()));
}
`,
      'proto/a.proto': `syntax = "proto3";
package a;
message Hello { string name = 1; int32 n = 2; }
`,
      'include/blob.h': `#pragma once
#include <cstdint>
uint32_t answer(uint32_t x);
`,
      'src/blob.cc': `#include "netmix/include/blob.h"
uint32_t answer(uint32_t x) { return x + 41; }
`,
      'src/bridge.rs': `#[cxx::bridge]
pub mod ffi {
    unsafe extern "C++" {
        include!("netmix/include/blob.h");
        fn answer(x: u32) -> u32;
    }
}
`,
      'src/main.rs': `mod bridge;
mod pb { include!(concat!(env!("OUT_DIR"), "/a.rs")); }
mod built_info { include!(concat!(env!("OUT_DIR"), "/built.rs")); }
#[derive(serde::Serialize, serde::Deserialize, Debug)] struct P { a: u32 }
#[tokio::main] async fn main() {
    let h = pb::Hello { name: "x".into(), n: 3 };
    println!("{:?} {} {}", h, bridge::ffi::answer(1), serde_json::to_string(&P { a: 1 }).unwrap());
    println!("{} {} {:?}", built_info::PKG_NAME, built_info::TARGET, built_info::GIT_COMMIT_HASH);
    println!("{}", env!("NETMIX_X"));
    println!("{}", include_bytes!(concat!(env!("OUT_DIR"), "/a.rs")).len());
}
`,
    },
  },
  {
    name: 'a `links` chain, a script that calls an interpreter, macros that read files',
    arguments: [],
    files: {
      'Cargo.toml': `[package]
name = "gitty"
version = "0.1.0"
edition = "2021"
[dependencies]
git2 = { version = "0.20", default-features = false }
pyo3 = { version = "0.25", features = ["auto-initialize"] }
rust-embed = { version = "8", features = ["debug-embed"] }
askama = "0.14"
`,
      'src/main.rs': `use askama::Template;
#[derive(Template)] #[template(path = "hi.txt")] struct Hi<'a> { name: &'a str }
#[derive(rust_embed::RustEmbed)] #[folder = "assets/"] struct A;
fn main() {
    println!("{}", Hi { name: "you" }.render().unwrap());
    println!("{:?}", A::iter().collect::<Vec<_>>());
    println!("{:?}", git2::Version::get().libgit2_version());
    pyo3::Python::with_gil(|py| { use pyo3::prelude::*; let v: u32 = py.eval(c"1+2", None, None).unwrap().extract().unwrap(); println!("{v}"); });
}
`,
      'templates/hi.txt': `Hi {{ name }}!
`,
      'assets/a.txt': `asset
`,
    },
  },
];
