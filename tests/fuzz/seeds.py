#!/usr/bin/env python3
"""Makes inputs to start fuzzing from: seeds.py DATA PROTO OUT, with DATA as tests/data; OUT/NAME for each target.

A target NAME has a function NAME_seeds(given), which yields inputs; run.sh lets them grow to the size of the largest.
"""

import gzip
import io
import pathlib
import random
import sys
import tarfile
import zipfile

MAX_MODEL = 32 << 10  # larger ones make fuzzing slow


class Given:
  """What seeds are made of."""

  def __init__(self, data, proto):
    self.models = self.files(data, "saved_model.pb")
    self.fingerprints = self.files(data, "fingerprint.pb")
    self.small_models = [model for model in self.models if len(model) <= MAX_MODEL]

  @staticmethod
  def files(folder, pattern):
    return sorted({path.read_bytes() for path in folder.rglob(pattern)}, key=lambda data: (len(data), data))


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


def open_model_seeds(given):
  return given.small_models + given.fingerprints[:4]


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
