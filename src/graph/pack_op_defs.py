#!/usr/bin/env python3
"""Packs the definitions of TensorFlow's operations for op_table.c.

    pack_op_defs.py OP_LIST.pb > op_table.inc

OP_LIST.pb is a serialised tensorflow.OpList without documentation (op_def_registry.get() of each name in tf.raw_ops). To be
run by hand when TensorFlow has new operations.

Definitions resemble each other: of some 12 000 fields of OpDef messages 2 528 differ. The table has each of these once, as
bytes on the wire; an operation is its name and the places of its other fields. What is put together again is the message,
byte for byte.
"""
import sys

NAME = 1  # OpDef.name
MAX_PLACE = 0xFFFF  # places are uint16_t


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(message):
    """(number, value, tag and value) of each field."""
    at = 0
    while at < len(message):
        start = at
        tag, at = varint(message, at)
        if tag & 7 == 2:
            size, at = varint(message, at)
            value = message[at:at + size]
            at += size
        elif tag & 7 == 0:
            value, at = varint(message, at)
        else:
            raise ValueError(f"wire type {tag & 7}, which an OpDef does not have")
        yield tag >> 3, value, message[start:at]


def literal(data):
    """As in C; '?' is escaped so that there are no trigraphs."""
    plain = lambda c: 32 <= c < 127 and c not in b'"\\?'
    return '"' + "".join(chr(c) if plain(c) else f"\\{c:03o}" for c in data) + '"'


def read_ops(op_list):
    ops = {}
    for _, op, _ in fields(op_list):
        parts = list(fields(op))
        if [number for number, _, _ in parts] != sorted(number for number, _, _ in parts) or parts[0][0] != NAME:
            raise ValueError("fields of an OpDef are not in order")
        ops[parts[0][1]] = [whole for _, _, whole in parts[1:]]
    return sorted(ops.items())


def place_fields(ops):
    places, end = {}, 0
    for whole in sorted({field for _, parts in ops for field in parts}):
        places[whole] = end
        end += len(whole)
    return places, end


def main():
    with open(sys.argv[1], "rb") as file:
        ops = read_ops(file.read())
    places, size = place_fields(ops)
    n_fields = sum(len(parts) for _, parts in ops)
    n_names = sum(len(name) for name, _ in ops)
    if max(size, n_fields, n_names) > MAX_PLACE:
        raise ValueError("too large for places of 16 bits")
    print(f"/* Made by pack_op_defs.py: {len(ops)} operations, {len(places)} different fields. */\n")
    print("static const char op_fields[] =")
    print("\n".join("    " + literal(field) for field in places) + ";\n")
    print("static const char op_names[] =")
    print("\n".join("    " + literal(name) for name, _ in ops) + ";\n")
    print("static const uint16_t op_field_places[] = {")
    for name, parts in ops:
        print(f"    /* {name.decode()} */ " + " ".join(f"{places[field]}," for field in parts))
    print("};\n")
    print("static const packed_op packed_ops[] = {")
    name_at = field_at = 0
    for name, parts in ops:
        print(f"    {{{name_at}, {field_at}}},")
        name_at += len(name)
        field_at += len(parts)
    print(f"    {{{name_at}, {field_at}}},\n}};")


main()
