// Make changes of TypeScript sources. Read a JSON list of requests: `text`, `symbol` and `change`, as edits.py
// writes them. Print a JSON list of answers: each is the new text, or `null` and why the change does not fit.
const { readFileSync } = require("node:fs");
const ts = require("typescript");

const parse = (text) => ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest, true);

/** The tokens of a node, without layout, comments and trailing commas. */
function tokens(node) {
  const children = node.getChildren().filter((child) => !ts.isJSDoc(child));
  if (!children.length) return node.getText();
  return children
    .map(tokens)
    .filter(Boolean)
    .join(" ")
    .replace(/ ?, ?([)\]}])/g, " $1");
}

function one(nodes, name) {
  if (nodes.length === 1) return nodes[0];
  throw new Error(`expected '${name}' once, found it ${nodes.length} times`);
}

function members(node) {
  if (ts.isClassLike(node)) return [...node.members];
  const statements = node.statements ?? node.body?.statements ?? [];
  return statements.flatMap((each) =>
    ts.isVariableStatement(each) ? each.declarationList.declarations : each,
  );
}

function find(source, symbol) {
  let found = [source];
  for (const name of symbol.split("."))
    found = found.flatMap(members).filter((node) => {
      if (ts.isConstructorDeclaration(node)) return name === "constructor";
      return node.name?.getText() === name;
    });
  return one(found, symbol);
}

/** The outermost nodes, from `node` on, that pass. */
function matching(node, passes) {
  if (passes(node)) return [node];
  const found = [];
  ts.forEachChild(node, (child) => {
    found.push(...matching(child, passes));
  });
  return found;
}

/** The tokens of what a statement calls or assigns to. */
function subject(node) {
  if (!ts.isExpressionStatement(node)) return undefined;
  const expression = ts.isAwaitExpression(node.expression) ? node.expression.expression : node.expression;
  if (ts.isCallExpression(expression)) return tokens(expression.expression);
  const operator = ts.isBinaryExpression(expression) ? expression.operatorToken.kind : undefined;
  const assigns = operator >= ts.SyntaxKind.FirstAssignment && operator <= ts.SyntaxKind.LastAssignment;
  return assigns ? tokens(expression.left) : undefined;
}

/** The function that a symbol stands for: itself, or the value of a property or a constant. */
function body(node, symbol) {
  const found = (node.initializer ?? node).body;
  if (!found) throw new Error(`expected a function '${symbol}', found none`);
  return found;
}

const changes = {
  Replace(node, _symbol, { was, now }) {
    const [statement] = parse(was).statements;
    const isExpression = ts.isExpressionStatement(statement);
    const wanted = tokens(isExpression ? statement.expression : statement);
    const place = one(
      matching(node, (each) => tokens(each) === wanted),
      was,
    );
    return [place, isExpression ? `(${now})` : now];
  },
  Skip(node, _symbol, { name }) {
    const place = one(
      matching(node, (each) => subject(each) === tokens(parse(name).statements[0])),
      name,
    );
    return [place, "{}"];
  },
  Body(node, symbol, { now }) {
    return [body(node, symbol), `{ ${now} }`];
  },
};

function edit({ text, symbol, change: [kind, change] }) {
  const [place, now] = changes[kind](find(parse(text), symbol), symbol, change);
  const edited = text.slice(0, place.getStart()) + now + text.slice(place.end);
  const [error] = parse(edited).parseDiagnostics;
  if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, " "));
  return edited;
}

function answer(request) {
  try {
    return [edit(request), ""];
  } catch (error) {
    return [null, error.message];
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(answer)));
