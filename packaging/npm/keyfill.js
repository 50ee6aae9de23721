#!/usr/bin/env node
// Starts the binary of this platform's package, with the same words, streams, signals and exit code.
"use strict";

const { spawn } = require("node:child_process");

const name = `keyfill-${process.platform}-${process.arch}`;
const program = process.platform === "win32" ? "keyfill.exe" : "keyfill";

let binary;
try {
  binary = require.resolve(`${name}/bin/${program}`);
} catch {
  console.error(`error: the package ${name} is not installed, which holds the binary for this platform`);
  console.error("help: install keyfill without --omit=optional (or --no-optional), on a platform that it is built for");
  process.exit(1);
}

const child = spawn(binary, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error(`error: cannot start ${binary}: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exit(code);
  }
});
