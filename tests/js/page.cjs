/**
 * A page without a browser, for tests/schedules: the connection of src/ with a fake network and a fake clock.
 * Each line of the input is a command, `[name, ...arguments]`, and each line of the output its result.
 * See page.ts.
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
