/** `cfg(…)` expressions of cargo's configuration. Grammar: Rust reference, "Conditional compilation". */

type Expression =
  | { readonly op: 'all' | 'any'; readonly parts: readonly Expression[] }
  | { readonly op: 'not'; readonly part: Expression }
  | { readonly op: 'is'; readonly name: string; readonly value: string | null }
  | { readonly op: 'constant'; readonly value: boolean };

/**
 * Whether a key such as `cfg(all(unix, target_arch = "x86_64"))` holds for lines of `rustc --print cfg`. False for a key
 * that is not of this form or does not parse.
 */
export function cfgMatches(key: string, cfgs: readonly string[]): boolean {
  const inner = /^cfg\((.*)\)$/s.exec(key.trim())?.[1];
  if (inner === undefined) return false;
  const tokens = inner.match(/"[^"]*"|[\p{ID_Start}_][\p{ID_Continue}#]*|[(),=]|\S/gu) ?? [];
  const reader = { tokens, at: 0 };
  const expression = parseExpression(reader);
  if (!expression || reader.at !== tokens.length) return false;
  return holds(expression, new Set(cfgs));
}

interface Reader {
  readonly tokens: readonly string[];
  at: number;
}

function parseExpression(reader: Reader): Expression | null {
  const name = reader.tokens[reader.at++];
  if (name === undefined || !/^[\p{ID_Start}_]/u.test(name)) return null;
  const following = reader.tokens[reader.at];
  if (following === '(' && (name === 'all' || name === 'any' || name === 'not')) {
    reader.at++;
    const parts: Expression[] = [];
    while (reader.tokens[reader.at] !== ')') {
      const part = parseExpression(reader);
      if (!part) return null;
      parts.push(part);
      if (reader.tokens[reader.at] === ',') reader.at++;
      else if (reader.tokens[reader.at] !== ')') return null;
    }
    reader.at++;
    if (name !== 'not') return { op: name, parts };
    const [part] = parts;
    return part && parts.length === 1 ? { op: 'not', part } : null;
  }
  const plainName = name.replace(/^r#/, '');
  if (following !== '=') {
    if (name === 'true' || name === 'false') return { op: 'constant', value: name === 'true' };
    return { op: 'is', name: plainName, value: null };
  }
  const value = reader.tokens[reader.at + 1];
  if (!value?.startsWith('"')) return null;
  reader.at += 2;
  return { op: 'is', name: plainName, value: value.slice(1, -1) };
}

function holds(expression: Expression, cfgs: ReadonlySet<string>): boolean {
  switch (expression.op) {
    case 'all':
      return expression.parts.every((part) => holds(part, cfgs));
    case 'any':
      return expression.parts.some((part) => holds(part, cfgs));
    case 'not':
      return !holds(expression.part, cfgs);
    case 'constant':
      return expression.value;
    case 'is':
      return cfgs.has(expression.value === null ? expression.name : `${expression.name}="${expression.value}"`);
  }
}
