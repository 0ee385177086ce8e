/**
 * A page without a browser, for tests/schedules: the connection of src/, on a network and a clock that the
 * other end of this process' pipes moves. Each line in is a command, `[name, ...arguments]`; each line out
 * is what came of it. See page.ts.
 */
const { readFileSync } = require("node:fs");
const { createInterface } = require("node:readline");
const ts = require("typescript");

const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
require.extensions[".ts"] = (module, file) => {
  const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), { compilerOptions });
  module._compile(outputText, file);
};

const { act } = require("./page.ts");
createInterface(process.stdin).on("line", (line) => {
  process.stdout.write(`${JSON.stringify(act(JSON.parse(line)))}\n`);
});
