"""The server's expressions, as far as clients and tests write them: comparisons of a field with a literal, `in`, `and`, `or`, `not`, parentheses."""
import json
import re

_TOKENS = re.compile(r'\s*(?:(?P<number>-?\d+\.\d+|-?\d+)|(?P<text>"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')|(?P<op><=|>=|==|!=|<|>|\(|\)|\[|\]|,)|(?P<word>[A-Za-z_$][A-Za-z0-9_$]*))', re.S)


class Wrong(Exception):
    pass


def _text(token):
    body = token[1:-1]
    if "\n" in body or "\r" in body:
        raise Wrong("a line break in a literal")
    if token[0] == "'":
        body = body.replace('"', '\\"')
    # JSON knows no \x.
    return json.loads('"' + re.sub(r"\\x([0-9a-fA-F]{2})", lambda m: "\\u00" + m[1], body).replace("\\'", "'") + '"', strict=False)


def _tokens(text):
    at, out = 0, []
    text = text.strip()
    while at < len(text):
        match = _TOKENS.match(text, at)
        if not match:
            raise Wrong(f"cannot parse expression at {at}: {text[:100]}")
        kind = match.lastgroup
        value = match.group(kind)
        if kind == "number":
            # As the server's own grammar: a minus and a number, which is one of 64 bits by itself.
            if value.lstrip("-").isdigit() and int(value.lstrip("-")) > 2**63 - 1:
                raise Wrong("the integer is out of range")
            value = float(value) if "." in value else int(value)
        elif kind == "text":
            kind, value = "number", _text(value)
        elif kind == "word" and value.lower() in ("true", "false"):
            kind, value = "number", value.lower() == "true"
        out.append((kind, value))
        at = match.end()
    return out


class _Parser:
    def __init__(self, tokens):
        self.tokens, self.at = tokens, 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else (None, None)

    def take(self):
        token = self.peek()
        self.at += 1
        return token

    def expect(self, value):
        if self.take()[1] != value:
            raise Wrong(f"expected {value}")

    def either(self):
        left = self.both()
        while str(self.peek()[1]).lower() in ("or",):
            self.take()
            right, before = self.both(), left
            left = lambda row, a=before, b=right: a(row) or b(row)  # noqa: E731
        return left

    def both(self):
        left = self.one()
        while str(self.peek()[1]).lower() in ("and",):
            self.take()
            right, before = self.one(), left
            left = lambda row, a=before, b=right: a(row) and b(row)  # noqa: E731
        return left

    def one(self):
        kind, value = self.take()
        if value == "(" and kind == "op":
            inner = self.either()
            self.expect(")")
            return inner
        if kind == "word" and value.lower() == "not":
            inner = self.one()
            return lambda row: not inner(row)
        if kind != "word":
            raise Wrong("expected a field")
        field, (_, op) = value, self.take()
        if str(op).lower() == "in":
            self.expect("[")
            values = []
            while self.peek()[1] != "]":
                values.append(self.take()[1])
                if self.peek()[1] == ",":
                    self.take()
            self.expect("]")
            members = set(values)
            return lambda row: row(field) in members
        kind, literal = self.take()
        if kind != "number":
            raise Wrong("expected a literal")
        test = {"<": lambda a: a < literal, "<=": lambda a: a <= literal, ">": lambda a: a > literal, ">=": lambda a: a >= literal, "==": lambda a: a == literal,
                "!=": lambda a: a != literal}.get(op)
        if not test:
            raise Wrong(f"no operator {op}")
        return lambda row: row(field) is not None and test(row(field))


def compile_expr(text):
    """A function of a function that gives a field's value."""
    if not text.strip():
        return lambda row: True
    parser = _Parser(_tokens(text))
    test = parser.either()
    if parser.at != len(parser.tokens):
        raise Wrong("something stands behind the expression")
    return test
