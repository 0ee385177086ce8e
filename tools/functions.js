// Print the functions of the TypeScript files named on the command line, as JSON: file, name, line, lines.
// tools/structure.py reads it. A class is not a function, but its methods are. `describe` is a heading of
// tests, so its callback is not a function either.
const { readFileSync } = require("node:fs");
const ts = require("typescript");

function caller(node, source) {
  return ts.isCallExpression(node.parent) ? node.parent.expression.getText(source) : undefined;
}

function nameOf(node, source) {
  const owner = ts.isClassLike(node.parent) ? `${node.parent.name?.text ?? "class"}.` : "";
  if (ts.isConstructorDeclaration(node)) return `${owner}constructor`;
  const called = caller(node, source);
  const name = node.name ?? node.parent.name;
  return name ? owner + name.getText(source) : called ? `${called}(...)` : "(anonymous)";
}

function functions(file) {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const lineOf = (position) => source.getLineAndCharacterOfPosition(position).line + 1;
  const found = [];
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body && !caller(node, source)?.startsWith("describe")) {
      const line = lineOf(node.getStart(source));
      found.push({ file, name: nameOf(node, source), line, lines: lineOf(node.end) - line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

console.log(JSON.stringify(process.argv.slice(2).flatMap(functions)));
