#!/usr/bin/env python3
"""Makes inputs to start fuzzing from: seeds.py DATA PROTO OUT, with DATA as tests/data; OUT/NAME for each target.

A target NAME has a function NAME_seeds(given), which yields inputs; run.sh lets them grow to the size of the largest.
"""

import gzip
import io
import itertools
import os
import pathlib
import random
import struct
import subprocess
import sys
import tarfile
import zipfile

MAX_MODEL = 32 << 10  # larger ones make fuzzing slow
MAX_CHECKPOINT = 12 << 10
TABLE_MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)


class Given:
  """What seeds are made of."""

  def __init__(self, data, proto):
    self.proto = proto
    self.models = self.files(data, "saved_model.pb")
    self.fingerprints = self.files(data, "fingerprint.pb")
    self.keras_metadata = self.files(data, "keras_metadata.pb")
    self.texts = self.files(data, "*.pbtxt")
    self.tensor_protos = [bytes.fromhex(line.split("\t")[2])
                          for line in (data / "tensor_protos.tsv").read_text().splitlines()]
    self.small_models = [model for model in self.models if len(model) <= MAX_MODEL]
    self.checkpoints = self.checkpoints_below(data)
    if "SM_SHARED" in os.environ:  # many more kinds, of which the corpus has what was found to reach far
      self.checkpoints += self.checkpoints_below(pathlib.Path(os.environ["SM_SHARED"]) / "fixtures/tf/bundles")

  @staticmethod
  def files(folder, pattern):
    return sorted({path.read_bytes() for path in folder.rglob(pattern)}, key=lambda data: (len(data), data))

  @staticmethod
  def checkpoints_below(folder):
    """Small ones: the index (of V1 all of it) and data files."""
    found = {}
    for index in folder.rglob("*"):
      shards = sorted(index.parent.glob(f"{index.stem}.data-*")) if index.suffix == ".index" else []
      files = [index, *shards]
      if index.is_file() and sum(file.stat().st_size for file in files) <= MAX_CHECKPOINT:
        files = tuple(file.read_bytes() for file in files)
        if files[0].endswith(TABLE_MAGIC):
          found[files] = None
    return sorted(found, key=lambda files: (sum(map(len, files)), files))


# ---- Messages ----


def fields(data):
  """Number, contents, begin and end of the fields with a length; empty when data is no message."""
  at, found = 0, []

  def varint():
    nonlocal at
    value = shift = 0
    while True:
      value |= (data[at] & 0x7F) << shift
      at, shift = at + 1, shift + 7
      if data[at - 1] < 0x80:
        return value

  try:
    while at < len(data):
      begin, tag = at, varint()
      if tag & 7 == 0:
        varint()
      elif tag & 7 == 2:
        size = varint()
        if at + size > len(data):
          return []
        at += size
        found.append((tag >> 3, data[at - size:at], begin, at))
      elif tag & 7 in (1, 5):
        at += 8 if tag & 7 == 1 else 4
      else:
        return []
  except IndexError:
    return []
  return found


def inside(messages, number):
  return [value for message in messages for field, value, _, _ in fields(message) if field == number]


def parts(given, max_size):
  """Messages by type, taken from where the schemas say that they are (proto/): few, and always the same."""
  meta_graphs = inside(given.models, 2)
  graphs = inside(meta_graphs, 2)
  nodes = inside(graphs, 1)
  attributes = inside(inside(nodes, 5), 2)
  objects = inside(meta_graphs, 7)
  functions = [value for entry in inside(objects, 2) for value in inside([entry], 2)]
  found = {
      "SavedModel": given.models, "MetaGraphDef": meta_graphs, "GraphDef": graphs, "SavedObjectGraph": objects,
      "AttrValue": attributes, "StructuredValue": inside(functions, 3) + inside(functions, 4), "NodeDef": nodes,
      "TensorProto": inside(attributes, 8), "FingerprintDef": given.fingerprints
  }
  for name, messages in found.items():
    messages = sorted({message for message in messages if len(message) <= max_size})
    yield name, random.Random(name).sample(messages, min(60, len(messages)))


def wire_seeds(given):
  kinds = ["SavedModel", "MetaGraphDef", "SavedObjectGraph", "AttrValue", "StructuredValue", "NodeDef", "TensorProto",
           "FingerprintDef"]  # as in fuzz_wire.c
  for name, messages in parts(given, 2 << 10):
    for message in messages if name in kinds else []:
      yield bytes([kinds.index(name), 128]) + message
      yield bytes([kinds.index(name), 0]) + message + message  # a message given twice


def tensor_proto_seeds(given):
  for message in given.tensor_protos:
    yield b"\0" + message


def slice_seeds(given):
  for text in "4 6 0,2:-", "5 -", "1 2 3 -:1,1:0,3", "9223372036854775807 1,9223372036854775806":
    yield b"\0" + text.encode()
  yield b"\1\2\x0A\4\x08\2\x10\2\x0A\0"
  yield b"\2\1" + bytes([0x06, 0x02, 0x22, 0x42])
  yield b"\2\2" + bytes([0x04, 0x06, 0x02, 0x06, 0x22, 0x03, 0x22, 0x33])


def open_model_seeds(given):
  return given.small_models + given.fingerprints[:4]


def edit_seeds(given):
  for i, model in enumerate(given.small_models):
    yield bytes([(0, 1, 5, 0x78, 0xFF)[i % 5]]) + model


def freeze_seeds(given):
  for i, model in enumerate(given.small_models):
    yield bytes([(0, 1, 2, 4, 8, 16)[i % 6]]) + model
    yield bytes([32]) + model
    yield bytes([64]) + model


def flat_json_seeds(given):
  del given
  yield from (b"{}", b' { "a" : "1",\n"b": "\\u00e4\\ud83d\\ude00\\n\\\\" } ', b'{"a": "1", "a": "2"}', b'{"a": 1}',
              b'{"": "\xc3\xa4", "\\u0000": ""}')


def fingerprint_seeds(given):
  return given.small_models


def verify_seeds(given):
  return given.small_models


def objects_seeds(given):
  def field(number, data):
    size, n = b"", len(data)
    while n > 127:
      size, n = size + bytes([n & 127 | 128]), n >> 7
    return bytes([number << 3 | 2]) + size + bytes([n]) + data
  graphs = [b"", b"\x0A\x05\x0A\x03\x12\x01v\x0A\x00"]  # of checkpoints: none, the root with a child
  for i, model in enumerate(given.small_models):
    keras = given.keras_metadata[i % len(given.keras_metadata)] if given.keras_metadata else b""
    yield field(1, model) + field(2, graphs[i % 2]) + field(3, keras[:2000]) + field(4, b"apple\nbanana\ncherry\n")


def scan_seeds(given):
  return given.small_models + given.keras_metadata


def graph_def_seeds(given):
  for name, messages in parts(given, 4 << 10):
    if name == "GraphDef":
      yield from messages


# x, a variable, what is read of it, and their product
ARITHMETIC = b"".join(
    b"\x0A" + bytes([len(node)]) + node for node in (
        b"\x0A\1x\x12\x0BPlaceholder*\x0B\x0A\5dtype\x12\2\x30\1",
        b"\x0A\1w\x12\x0BVarHandleOp*\x0B\x0A\5dtype\x12\2\x30\1*\x0B\x0A\5shape\x12\2\x3A\0",
        b"\x0A\1r\x12\x0EReadVariableOp\x1A\1w*\x0B\x0A\5dtype\x12\2\x30\1",
        b"\x0A\1y\x12\3Mul\x1A\1x\x1A\1r*\7\x0A\1T\x12\2\x30\1",
    ))


def cut_function_seeds(given):
  yield b"\x00\x02\xFF\x01\xFF\xFF\x03\xFF\xFF\xFF\xFF" + ARITHMETIC
  for name, messages in parts(given, 4 << 10):
    for message in messages if name == "GraphDef" else []:
      chooser = random.Random(message)
      yield bytes(chooser.choice((255, chooser.randrange(40))) for _ in range(11)) + message


def object_graph_seeds(given):
  variable, constant, asset, table, given_function, cut, library, signature = 2, 3, 4, 5, 7, 8, 9, 12

  def program(*steps):
    return b"".join(bytes(step) for step in steps).ljust(64, b"\xFF")

  yield program((variable, 0, 2, 1), (0, 0, 3, 1), (constant, 0, 4, 1), (asset, 0, 6, 5), (table, 0, 7, 16),
                (table, 0, 8, 5), (6, 0, 1, 2), (1, 2, 0, 1), (13, 2, 3, 0))
  yield program((variable, 0, 2, 1), (cut, 0, 1, 3), (signature, 2, 7, 0)) + ARITHMETIC
  for name, messages in parts(given, 4 << 10):
    for message in messages if name == "GraphDef" else []:
      chooser = random.Random(message)
      steps = [(library, 0, 0, 0), (variable, 0, 2, 1)]
      for _ in range(6):
        steps.append((chooser.choice((given_function, cut)), chooser.randrange(256), chooser.randrange(24), chooser.randrange(16)))
      yield program(*steps, (signature, 2, 7, 0)) + message


# ---- Text ----

ODD_TEXTS = {
    "SavedModel": [
        "saved_model_schema_version: 0x1 # comment\nmeta_graphs < meta_info_def { any_info { "
        "[type.googleapis.com/tensorflow.AttrValue] { i: -1 } } tags: ['a', \"b\" 'c'] } >;",
        "meta_graphs: [{ collection_def { key: 'k' value { float_list { value: [1, .5f, -inf, nan, 1e-40] } } } }, {}]",
    ],
    "AttrValue": ["s: '\\303\\244\\xe4\\u00e4\\U0001F600\\n\\\"\\?'", "type: DT_FLOAT", "b: t", "f: infinity", "i: 0777",
                  "list { i: [1, -0x7f] type: [1, DT_INT32] }"],
    "StructuredValue": ["list_value{values{" * n + "}}" * n for n in (49, 50, 51)],  # around the limit of depth
    "TensorProto": ["dtype: 1 tensor_shape { dim { size: -1 } unknown_rank: False }, half_val: 1; double_val: -1.5e+300"],
}


def text_seeds(given):
  kinds = {"SavedModel": "saved_model", "GraphDef": "graph", "AttrValue": "attr_value", "TensorProto": "tensor",
           "StructuredValue": "struct", "MetaGraphDef": "meta_graph"}  # as in fuzz_text.c: type and file
  is_bytes = 0x80
  for text in given.texts:
    yield bytes([0]) + text[:8 << 10]
  for name, texts in ODD_TEXTS.items():
    for text in texts:
      yield bytes([list(kinds).index(name)]) + text.encode()
  for name, messages in parts(given, 6 << 10):
    if name not in kinds:
      continue
    kind = list(kinds).index(name)
    for message in messages[:30]:
      yield bytes([kind | is_bytes]) + message
      command = ["protoc", f"--proto_path={given.proto}", f"--decode=tensorflow.{name}", f"{kinds[name]}.proto"]
      made = subprocess.run(command, input=message, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
      if made.returncode == 0:  # some are damaged
        yield bytes([kind]) + made.stdout[:8 << 10]


# ---- Chunked models ----


def varint(value):
  out = b""
  while value >= 0x80:
    out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
  return out + bytes([value])


def number(field, value):
  return varint(field << 3) + varint(value)


def content(field, data):
  return varint(field << 3 | 2) + varint(len(data)) + data


def take(message, path):
  """Takes the content of a field out of a message: what is left, and the content. path: (field, index) and so on."""
  (field, index), deeper = path[0], path[1:]
  _, taken, begin, end = [found for found in fields(message) if found[0] == field][index]
  left, taken = take(taken, deeper) if deeper else (b"", taken)
  return message[:begin] + content(field, left) + message[end:], taken


def field_tags(path):
  """path as FieldIndex messages: (field, index), (field, key of a map), (field, None)."""
  for field, index in path:
    yield number(1, field)
    if index is not None:
      yield content(2, content(1, index)) if isinstance(index, bytes) else number(3, index)


def chunked_field(path, chunk):
  return content(2, b"".join(content(1, tag) for tag in field_tags(path)) + content(3, number(1, chunk)))


def splits(model):
  """A model in several ways: chunks, and the ChunkedMessage that joins them."""
  def split(paths):
    chunks, message = [model], number(1, 0)
    for path, tags in paths:
      chunks[0], taken = take(chunks[0], path)
      chunks.append(taken)
      message += chunked_field(tags, len(chunks) - 1)
    return chunks, message

  yield split([])
  graph = [(2, 0), (2, 0)], [(2, 0), (2, None)]
  meta_graph = inside([model], 2)[0]
  nodes = inside(inside([meta_graph], 2), 1)
  yield split([graph])
  yield split([([(2, 0)], [(2, 0)])])
  yield split([(graph[0] + [(1, i)], graph[1] + [(1, i)]) for i in range(min(4, len(nodes)))] + [graph])
  attributes = [(i, k, inside([entry], 1)[0]) for i, node in enumerate(nodes)
                for k, entry in enumerate(inside([node], 5))]
  yield split([(graph[0] + [(1, i), (5, k), (2, 0)], graph[1] + [(1, i), (5, key)]) for i, k, key in attributes[:6]])
  half = len(content(1, nodes[0])) if nodes else 0
  root, taken = take(model, graph[0])
  yield [root, taken[:half], taken[half:]], number(1, 0) + chunked_field(graph[1], 1) + chunked_field(graph[1], 2)


def riegeli_chunk(kind, data, n_records, decoded_size):
  """Without the hashes, which the target puts in."""
  return struct.pack("<QQQQQ", 0, len(data), 0, n_records << 8 | ord(kind), decoded_size) + data


def riegeli(records, compression=0):
  values = b"".join(records)
  sizes = b"".join(varint(len(record)) for record in records)
  data = bytes([compression]) + varint(len(sizes)) + sizes + values
  return riegeli_chunk("r", data, len(records), len(values))


def chunked_seeds(given):
  hashed, built, alone, brotli, zstd = 0x80, 0x40, 0x20, 0x10, 0x08  # as in fuzz_chunked.c
  signature = struct.pack("<QQQ", 0, 0, 64) + riegeli_chunk("s", b"", 0, 0)
  flags = itertools.cycle([built, built | brotli, built | zstd | alone, built | alone, built | brotli | alone])
  distances = itertools.cycle([0, 0, 30, 200])
  for model in [model for model in given.small_models if inside([model], 2)][:12]:
    for chunks, message in splits(model):
      yield bytes([next(flags), next(distances)]) + b"".join(content(2, chunk) for chunk in chunks) + content(3, message)
      infos = b"".join(content(2, number(1, 1) + number(2, len(chunk)) + number(3, 64 + i))
                       for i, chunk in enumerate(chunks))
      metadata = content(1, number(1, 1)) + infos + content(3, message)
      file = signature + riegeli(chunks)
      if len(file) < 4 << 10:
        yield bytes([hashed, 0]) + file + riegeli([metadata])
  for n in (48, 49, 50, 51):  # paths of StructuredValue and messages in messages, around their limits
    for end in [], [(53, None), (1, b"key")]:
      path = [(51, None), (1, 0)] * n + end
      yield bytes([built | 3, 0]) + content(2, b"") * 2 + content(3, number(1, 0) + chunked_field(path, 1))
    message = number(1, 0)
    for _ in range(n):
      message = content(2, content(3, message))
    yield bytes([built | 3, 0]) + content(2, b"") + content(3, message)
  yield bytes([hashed, 0]) + signature + struct.pack("<QQQQQ", 0, 2**64 - 100, 0, ord("r") | 1 << 8, 1)
  for kind in "mp?t":
    yield bytes([hashed, 0]) + signature + riegeli_chunk(kind, b"abc", 0, 0) + riegeli([b"one", b"", b"two"])


# ---- Checkpoints ----


def read_varint(data, at):
  value = shift = 0
  while True:
    value |= (data[at] & 0x7F) << shift
    at, shift = at + 1, shift + 7
    if data[at - 1] < 0x80:
      return value, at


def block_entries(contents):
  """Keys and values of a block that is not compressed."""
  end = len(contents) - 4 - 4 * struct.unpack("<I", contents[-4:])[0]
  at, key = 0, b""
  while at < end:
    shared, at = read_varint(contents, at)
    tail_size, at = read_varint(contents, at)
    value_size, at = read_varint(contents, at)
    key = key[:shared] + contents[at:at + tail_size]
    at += tail_size + value_size
    yield key, contents[at - value_size:at]


def table_entries(table):
  def block(handle):
    offset, at = read_varint(handle, 0)
    size, at = read_varint(handle, at)
    return table[offset:offset + size]

  footer = table[-48:]
  _, at = read_varint(footer, 0)
  _, at = read_varint(footer, at)
  for _, handle in block_entries(block(footer[at:])):
    yield from block_entries(block(handle))


def signed(value):
  """A number of an ordered code, of one byte; larger ones are not needed."""
  return bytes([0x80 ^ (value & 0xFF)]) if -64 <= value < 64 else None


def slice_key(name, tensor_slice):
  """As entries that are slices have it; for names without 0 and 255."""
  extents = inside([tensor_slice], 1)
  key = b"\0" + name + b"\0\1" + (bytes([1, len(extents)]) if extents else b"\0")
  for extent in extents:
    start, length, at = 0, -1, 0
    while at < len(extent):
      value, after = read_varint(extent, at + 1)
      start, length, at = (value, length, after) if extent[at] == 8 else (start, value, after)
    numbers = signed(start), signed(length)
    if None in numbers:
      return None
    key += b"".join(numbers)
  return key


def input_entries(pairs, slices):
  """As table_entry in checkpoint.h. slices: pairs of names and slices, which may be among the keys."""
  keys = {slice_key(name, tensor_slice): (name, tensor_slice) for name, tensor_slice in slices}
  for key, value in pairs:
    name, tensor_slice = keys.get(key, (key, None))
    yield content(1, name) + content(2, value) + (content(3, tensor_slice) if tensor_slice is not None else b"")


def is_v1(pairs):
  return len(pairs) > 0 and pairs[0][0] == b"" and pairs[0][1][:1] == b"\n"  # `meta`; a header begins otherwise


def sound_checkpoints(given):
  for files in given.checkpoints:
    try:
      yield list(table_entries(files[0])), files
    except (IndexError, struct.error):
      pass  # damaged, or compressed


def bundle_seeds(given):
  built, right, flags = 0x80, 0x40, itertools.cycle([0, 0x20, 0x10, 0x30])  # as in fuzz_bundle.c
  for i, (pairs, files) in enumerate(sound_checkpoints(given)):
    if is_v1(pairs):
      continue
    slices = [(key, tensor_slice) for key, value in pairs if key for tensor_slice in inside([value], 7)]
    message = b"".join(content(1, entry) for entry in input_entries(pairs, slices))
    message += b"".join(content(2, file) for file in files[1:])
    yield bytes([built | next(flags), i % 256]) + message
    yield bytes([built | right | next(flags), i % 256]) + message
    if len(files) == 2:
      yield bytes([0, i % 256]) + struct.pack("<H", len(files[0])) + files[0] + files[1]


def v1_seeds(given):
  built, flags = 0x80, itertools.cycle([0, 0x20, 0x10, 0x31])  # as in fuzz_v1.c
  tables = [(pairs, files[0]) for pairs, files in sound_checkpoints(given) if is_v1(pairs)]
  messages = []
  for i, (pairs, file) in enumerate(tables):
    metas = inside(inside([pairs[0][1]], 1), 1)
    slices = [(name, tensor_slice) for meta in metas for name in inside([meta], 1)
              for tensor_slice in inside([meta], 4)]
    messages.append(b"".join(content(1, entry) for entry in input_entries(pairs, slices)))
    yield bytes([built | next(flags), i]) + content(1, messages[-1])
    yield bytes([0, i]) + file
  for i, (a, b) in enumerate(itertools.combinations(messages, 2)):
    yield bytes([built | next(flags), i % 256]) + content(1, a) + content(1, b)


def state_seeds(given):
  states = [(["ckpt-1", "ckpt-2"], [1.5, 1700000000.25], 12.5), (["sub/ckpt-3"], [], None),
            (["/old/d/ckpt-1", "/old/d/gone"], [], 0), (["./ckpt-1", "a/../ckpt-2"], [1e300, "inf"], "nan"),
            (["../outside-1"], [], None), (["ckpt-?????-of-00002"], [1], 1), ([r"n\303\244me \"x\" \\ \n"], [], None)]
  for paths, times, preserved in states:
    text = f'model_checkpoint_path: "{paths[-1]}"\n'
    text += "".join(f'all_model_checkpoint_paths: "{path}"\n' for path in paths)
    text += "".join(f"all_model_checkpoint_timestamps: {time}\n" for time in times)
    yield (text + (f"last_preserved_timestamp: {preserved}\n" if preserved is not None else "")).encode()


def restore_seeds(given):
  add, link, slot, bind, register, restore, read, write, check = range(9)  # as in fuzz_restore.c
  v, a, b, optimizer, m = range(5)
  value = content(1, b"VARIABLE_VALUE")

  def node(*parts):
    return content(1, b"".join(parts))

  def child(to, name):
    return content(1, number(1, to) + content(2, name))

  def attribute(key):
    return content(2, value + content(3, key + b"/.ATTRIBUTES/VARIABLE_VALUE"))

  plain = node(child(1, b"v"), child(2, b"a"), child(4, b"optimizer"), child(5, b"save_counter")) + \
      node(attribute(b"v")) + node(child(3, b"b"), child(0, b"a")) + node(attribute(b"a/b")) + \
      node(content(3, number(1, 1) + content(2, b"m") + number(3, 6))) + node(attribute(b"save_counter")) + \
      node(attribute(b"v/.OPTIMIZER_SLOT/optimizer/m"))
  registered = node(child(1, b"v"), child(2, b"a")) + node(content(4, content(1, b"Test.A") + content(2, b"v"))) + \
      node(content(4, content(1, b"Test.B") + content(2, b"a")))
  tree = [(add, 0, v), (add, 0, a), (add, 2, b), (add, 0, optimizer), (slot, 4 | 1 << 4, m), (bind, 1, 0), (bind, 3, 0),
          (bind, 5, 0)]
  for graph in (plain, registered):
    for program in (tree + [(restore, 0, 0), (check, 0, 0), (write, 0, 0)], [(restore, 0, 0)] + tree + [(check, 0, 1)],
                    tree[:3] + [(read, 0, 0), (link, 2 | 2 << 4, a)] + tree[3:] + [(write, 0, 0), (read, 0, 4)],
                    [(add, 0, v), (add, 0, a), (register, 1, 0), (read, 0, 0), (register, 2, 1), (write, 0, 0)],
                    tree + [(read, 0, 16), (check, 0, 2), (restore, 0, 8), (register, 0, 0), (write, 0, 0)]):
      yield content(1, graph) + content(2, bytes(itertools.chain(*program)))


def table_seeds(given):
  for files in given.checkpoints:
    yield b"\0" + files[0]
    yield b"\1" + files[0]


def snappy_seeds(given):
  for files in given.checkpoints[:10]:
    literal = files[0][:60]
    yield varint(len(literal)) + bytes([(len(literal) - 1) << 2]) + literal
    yield varint(len(literal) + 11) + bytes([(len(literal) - 1) << 2]) + literal + bytes([7 << 2 | 1, 9])  # a copy


# ---- Archives ----


def tar_of(files, kind):
  out = io.BytesIO()
  with tarfile.open(fileobj=out, mode="w", format=kind) as tar:
    for name, data in files:
      info = tarfile.TarInfo(name)
      info.size = len(data)
      tar.addfile(info, io.BytesIO(data))
    link = tarfile.TarInfo("m/link")
    link.type, link.linkname = tarfile.SYMTYPE, "saved_model.pb"
    tar.addfile(link)
    directory = tarfile.TarInfo("m/assets")
    directory.type = tarfile.DIRTYPE
    tar.addfile(directory)
  data = out.getvalue()
  while data.endswith(bytes(512 * 3)):  # the padding of records
    data = data[:-512]
  return data


def zip_of(files, method, streamed):
  class Pipe(io.RawIOBase):  # zipfile writes data descriptors to what cannot seek
    def __init__(self):
      super().__init__()
      self.data = bytearray()

    def writable(self):
      return True

    def write(self, data):
      self.data += data
      return len(data)

  out = Pipe() if streamed else io.BytesIO()
  with zipfile.ZipFile(out, "w", method) as archive:
    archive.comment = b"comment"
    for name, data in files:
      archive.writestr(name, data)
    archive.writestr("m/variables/", b"")
  return bytes(out.data) if streamed else out.getvalue()


def zip64_of(files):
  out = io.BytesIO()
  with zipfile.ZipFile(out, "w") as archive:
    for name, data in files:
      with archive.open(name, "w", force_zip64=True) as member:
        member.write(data)
  return out.getvalue()


def corpus_of(name):
  """What is stored for a target."""
  return [path.read_bytes() for path in sorted((pathlib.Path(__file__).parent / "corpus" / name).iterdir())]


def npz_seeds(given):
  arrays = [(data[0], data[1:]) for data in corpus_of("npy") if data[1:7] == b"\x93NUMPY"]
  for i, (dtype, array) in enumerate(arrays[:60]):
    files = [("a.npy", array), ("d/b.npy", arrays[-i - 1][1])]
    method = zipfile.ZIP_DEFLATED if i % 3 == 0 else zipfile.ZIP_STORED
    yield bytes([dtype, i % 2]) + zip_of(files[:1 + i % 2], method, i % 4 == 0)
    if i < 4:
      yield bytes([dtype, 1]) + zip64_of(files)


def archive_seeds(given):
  small = next(model for model in given.models if len(model) > 1000)[:1500]
  sets = [[("m/saved_model.pb", small), ("m/fingerprint.pb", b"\x08\x01")],
          [("m/" + "long/" * 40 + "name", b"x"), ("n\u00e4me", b"")], [("a", b"1"), ("b/c", b"2" * 600)]]
  for files in sets:
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
      tar = tar_of(files, kind)
      for flags in (0, 1, 3):
        yield bytes([flags]) + tar
      yield b"\0" + gzip.compress(tar, mtime=0)
      yield b"\2" + gzip.compress(tar, mtime=0)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
      for streamed in (False, True):
        for flags in (0, 2, 4):
          yield bytes([flags]) + zip_of(files, method, streamed)
    yield b"\0" + zip64_of(files)


# ---- All of them ----


def main():
  data, proto, out = (pathlib.Path(arg) for arg in sys.argv[1:])
  given = Given(data, proto)
  for function, make in list(globals().items()):
    if not function.endswith("_seeds"):
      continue
    folder = out / function.removesuffix("_seeds")
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(make(given)):
      (folder / f"seed-{i:04}").write_bytes(seed)


main()
