# SPDX-License-Identifier: MIT
"""Prints 200 C structs beside their type strings, always the same, for test_layout.c: what the compiler says of them
must be what our parser says.

Each struct becomes a type, and a row of struct layout: the format, sizeof, and for each field its path, offsetof and
size. Nested records, records in rows, matrices, characters and padding that is written out are all among them."""
import random

SCALARS = {
    "?": "_Bool", "c": "char", "b": "int8_t", "B": "uint8_t", "h": "short", "H": "unsigned short", "i": "int",
    "I": "unsigned int", "l": "long", "L": "unsigned long", "q": "long long", "Q": "unsigned long long",
    "n": "ssize_t", "N": "size_t", "f": "float", "d": "double",
}
COUNT = 200
DEEPEST = 4

chance = random.Random(20261125)


class Record:
    """Members as C, as format, and the paths of all fields."""

    def __init__(self, depth, names):
        self.lines, self.format, self.fields = [], "", []
        for number in range(chance.randint(1, 6 if depth else 9)):
            self.add("%s%d" % (chance.choice("abcxyz"), number), depth, names)
        if not self.fields:
            self.field("int only;", "i:only:", "only")

    def add(self, name, depth, names):
        kind = chance.random()
        shape = [chance.randint(1, 4) for _ in range(chance.choice([0, 0, 0, 1, 1, 2, 3]))]
        c_shape = "".join("[%d]" % length for length in shape)
        text_shape = "(%s)" % ",".join(map(str, shape)) if shape else ""
        if len(shape) == 1 and shape[0] > 1 and chance.random() < 0.5 and kind < 0.7:
            text_shape = str(shape[0])
        if kind < 0.6:
            code = chance.choice(list(SCALARS))
            self.field("%s %s%s;" % (SCALARS[code], name, c_shape), "%s%s:%s:" % (text_shape, code, name), name)
        elif kind < 0.7 and depth < DEEPEST:
            inner = Record(depth + 1, names)
            self.field("struct { %s } %s%s;" % (" ".join(inner.lines), name, c_shape),
                       "%sT{%s}:%s:" % (text_shape, inner.format, name), name)
            zeros = "[0]" * len(shape)
            self.fields += ["%s%s.%s" % (name, zeros, path) for path in inner.fields]
        elif kind < 0.85:
            length = chance.randint(1, 20)
            text_shape = text_shape if text_shape.startswith("(") or not text_shape else "(%s)" % text_shape
            self.field("char %s%s[%d];" % (name, c_shape, length), "%s%ds:%s:" % (text_shape, length, name), name)
        elif kind < 0.95:
            length = chance.randint(1, 9)
            names.append(None)
            self.lines.append("char pad%d[%d];" % (len(names), length))
            self.format += " %dx" % length
        else:
            code = chance.choice(list(SCALARS))
            names.append(None)
            self.lines.append("%s none%d[0];" % (SCALARS[code], len(names)))
            self.format += " 0%s" % code

    def field(self, line, text, path):
        self.lines.append(line)
        self.format += chance.choice(["", " ", "@"]) + text
        self.fields.append(path)


def main():
    print("/* Made by layouts.py. */")
    rows = []
    for number in range(COUNT):
        record = Record(0, [])
        tag = "struct generated_%d" % number
        print("%s { %s };" % (tag, " ".join(record.lines)))
        print("static const struct layout_field fields_%d[] = {" % number)
        for path in record.fields:
            member = "((%s *)0)->%s" % (tag, path)
            print('    {"%s", offsetof(%s, %s), sizeof(%s)},' % (path, tag, path, member))
        print("};")
        rows.append('    {"T{%s}", sizeof(%s), _Alignof(%s), fields_%d, %d},' % (
            record.format, tag, tag, number, len(record.fields)))
    print("static const struct layout layouts[] = {")
    print("\n".join(rows))
    print("};")


main()
