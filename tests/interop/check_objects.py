#!/usr/bin/env python3
"""Compares the object graph the tool shows with what TensorFlow read from the models.

    check_objects.py [--no-memory-limit] TOOL ROOT...

A root is as for check_models.py.  For every V2 model:

  objects --json   ids, kinds, children, slot variables, dtypes, shapes, functions, concrete functions of truth.json;
                   function aliases; paths and keys, worked out here from its two object graphs; of models whose truth.json only counts, the
                   numbers of nodes, children, slot variables, concrete functions and of each kind
  objects          mentions every object: by its path, or by its number

For every checkpoint the same of its object graph, with values, keys and registered savers; what is by names alone is refused.

And for every damaged one either the same, or exit 1 with one line.  Needs no TensorFlow.  The last line counts models.
"""
import collections
import json
import os
import sys

from check_models import find_model
from compare import Run

SHOWN = 6


def escape(name):
    return name.replace(".", "..").replace("/", ".S")


def paths_of(children):
    """The first shortest path to each node; children: [[name, id]] by node."""
    paths, queue = {0: ""}, collections.deque([0])
    while queue:
        node = queue.popleft()
        for name, child in children[node]:
            if child not in paths:
                paths[child] = (paths[node] + "/" if node else "") + escape(name)
                queue.append(child)
    return paths


def keys_of(nodes, saved):
    """The key of each variable: both graphs walked together, by the names of children, then of slots."""
    saved = {n["id"]: n for n in saved}
    matches, queue = {0: 0}, collections.deque([0])

    def match(node, other):
        if node not in matches:
            matches[node] = other
            queue.append(node)

    def follow():
        while queue:
            node = queue.popleft()
            names = dict(saved[matches[node]].get("children", []))
            for name, child in nodes[node]["children"]:
                if name in names:
                    match(child, names[name])
    follow()
    for node in list(matches):
        slots = {(v, name): slot for v, name, slot in saved[matches[node]].get("slot_variables", [])}
        for variable, name, slot in nodes[node].get("slot_variables", []):
            other = slots.get((matches.get(variable), name))
            if other is not None:
                match(slot, other)
    follow()
    keys = {}
    for node, other in matches.items():
        for attribute in saved[other].get("attributes", []):
            if nodes[node]["kind"] == "variable":
                keys.setdefault(node, attribute["checkpoint_key"])
    return keys


def dtype(name):
    """DT_FLOAT for float32."""
    special = {"float32": "FLOAT", "float64": "DOUBLE", "float16": "HALF"}
    return "DT_" + special.get(name, name.upper())


def functions_of(node):
    if node["kind"] == "function":
        return node["function"]["concrete_functions"]
    return [node["bare_concrete_function"]["name"]] if node["kind"] == "bare_concrete_function" else []


def expected_object(node, paths, keys):
    variable = node.get("variable")
    return {"children": [{"id": child, "name": name} for name, child in node["children"]],
            "dtype": dtype(variable["dtype"]) if variable else None,
            "functions": functions_of(node),
            "id": node["id"],
            "key": keys.get(node["id"]),
            "kind": node["kind"],
            "path": paths.get(node["id"]),
            "shape": variable["shape"] if variable else None,
            "slot_variables": [{"id": slot, "name": name, "variable": v}
                               for v, name, slot in node.get("slot_variables", [])]}


def compare_all(truth, meta_graph, got):
    graph = meta_graph["object_graph"]
    nodes = graph["nodes"]
    paths = paths_of([n["children"] for n in nodes])
    keys = keys_of(nodes, (truth.get("variables") or {}).get("object_graph", [{"id": 0}]))
    out = []
    if len(nodes) != len(got["objects"]):
        return ["%d objects, expected %d" % (len(got["objects"]), len(nodes))]
    for node, ours in zip(nodes, got["objects"]):
        want = expected_object(node, paths, keys)
        out += ["object %d: %s: expected %r, got %r" % (node["id"], k, want.get(k), ours.get(k))
                for k in sorted(set(want) | set(ours)) if want.get(k) != ours.get(k)]
    if (meta_graph.get("function_aliases") or {}) != got["function_aliases"]:
        out.append("function aliases: %r" % got["function_aliases"])
    if sorted(graph["concrete_functions"]) != got["concrete_functions"]:
        out.append("concrete functions: %r" % got["concrete_functions"])
    return out


def expected_saved(node, paths, tensors):
    """An object of a checkpoint."""
    def found(key, what):
        tensor = tensors.get(key)
        return tensor and (dtype(tensor["dtype"]) if what == "dtype" else tensor["shape"])
    values = node.get("attributes", [])
    key = next((v["checkpoint_key"] for v in values if v["name"] == "VARIABLE_VALUE"), None)
    saver = node.get("registered_saver")
    return {"children": [{"id": child, "name": name} for name, child in node["children"]],
            "dtype": found(key, "dtype"), "id": node["id"], "key": key, "path": paths.get(node["id"]),
            "registered_saver": saver and {"name": saver["name"], "object_name": saver["object_name"]},
            "shape": found(key, "shape"),
            "slot_variables": [{"id": slot, "name": name, "variable": v}
                               for v, name, slot in node.get("slot_variables", [])],
            "values": [{"attribute": v["name"], "dtype": found(v["checkpoint_key"], "dtype"), "full_name": v["full_name"],
                        "key": v["checkpoint_key"], "shape": found(v["checkpoint_key"], "shape")} for v in values]}


def compare_saved(truth, got):
    nodes = truth["object_graph"]
    paths = paths_of([n["children"] for n in nodes])
    wanted = [expected_saved(n, paths, truth["tensors"]) for n in nodes]
    if len(wanted) != len(got["objects"]):
        return ["%d objects, expected %d" % (len(got["objects"]), len(wanted))]
    return ["object %d: expected %r, got %r" % (i, want, ours)
            for i, (want, ours) in enumerate(zip(wanted, got["objects"])) if want != ours]


def compare_counts(graph, got):
    objects = got["objects"]
    ours = {"nodes": len(objects), "children": sum(len(o["children"]) for o in objects),
            "slot_variables": sum(len(o["slot_variables"]) for o in objects),
            "concrete_functions": len(got["concrete_functions"]),
            "kinds": dict(collections.Counter(o["kind"] for o in objects))}
    return ["%s: expected %r, got %r" % (k, graph[k], ours[k]) for k in sorted(ours) if graph[k] != ours[k]]


def compare_keys(truth, got):
    """Every key is one that TensorFlow listed, and all variables of the tree have one if there are any."""
    known = truth.get("variables") or {}
    keys = [o["key"] for o in got["objects"] if o["kind"] == "variable" and o["path"] is not None]
    out = ["key %r is not in the checkpoint" % k for k in keys if k is not None and k not in known]
    return out + (["%d variables without a key" % keys.count(None)] if known and None in keys else [])


def find_graph(truth):
    return next((g for g in truth.get("meta_graphs") or [] if g.get("object_graph")), None)


class Checker:
    def __init__(self, tool, limit_memory):
        self.tool, self.limit_memory = tool, limit_memory
        self.passed = self.failed = 0

    def report(self, name, faults):
        self.passed += not faults
        self.failed += bool(faults)
        for fault in faults[:SHOWN]:
            print("%s: %s" % (name, fault))

    def compare(self, truth, meta_graph, model):
        graph = meta_graph["object_graph"]
        run = Run([self.tool, "objects", model, "--json"], self.limit_memory)
        if run.exit != 0:
            return ["exit %r: %s" % (run.exit, run.stderr)]
        got = json.loads(run.stdout)
        if isinstance(graph["nodes"], int):
            return compare_counts(graph, got) + compare_keys(truth, got)
        return compare_all(truth, meta_graph, got) + self.compare_text(got, model)

    def compare_text(self, got, model):
        run = Run([self.tool, "objects", model], self.limit_memory)
        if run.exit != 0:
            return ["exit %r: %s" % (run.exit, run.stderr)]
        heads = collections.Counter(line.strip().partition(": ")[0] for line in run.stdout.splitlines()
                                    if " -> " not in line.partition(": ")[0])
        wanted = collections.Counter("object %d" % o["id"] if o["path"] is None else o["path"] or "/"
                                     for o in got["objects"])
        return ["as text: expected %r, got %r" % (wanted - heads, heads - wanted)] if heads != wanted else []

    def compare_checkpoint(self, truth, prefix):
        run = Run([self.tool, "objects", prefix, "--json"], self.limit_memory)
        if not truth.get("object_graph"):
            return [run.not_refused()] if run.not_refused() else []
        if run.exit != 0:
            return ["exit %r: %s" % (run.exit, run.stderr)]
        got = json.loads(run.stdout)
        index = Run([self.tool, "objects", prefix + ".index", "--json"], self.limit_memory)
        return (compare_saved(truth, got) + self.compare_text(got, prefix) +
                (["differs for .index"] if index.stdout != run.stdout else []))

    def check_broken(self, model):
        faults = []
        for arguments in (["--json"], []):
            run = Run([self.tool, "objects", model] + arguments, self.limit_memory)
            faults += [run.bad_end()] if run.bad_end() else []
            faults += [run.not_refused()] if not faults and run.exit != 0 and run.not_refused() else []
        return faults

    def check_nothing(self, path):
        """Where there is nothing, nobody knows whether a model or a checkpoint was meant."""
        run = Run([self.tool, "objects", path], self.limit_memory)
        says = run.stderr == ["savedmodel: %s: neither a SavedModel nor a checkpoint (NOT_FOUND)" % path]
        self.report(path, [run.not_refused()] if run.not_refused() else [] if says else [repr(run.stderr)])

    def check(self, folder, name):
        with open(os.path.join(folder, "truth.json"), encoding="utf-8") as f:
            truth = json.load(f)
        model = find_model(folder)
        meta_graph = find_graph(truth)
        if truth.get("kind") == "broken" and model != folder or truth.get("kind") == "broken" and os.path.exists(
                os.path.join(model, "saved_model.pb")):
            self.report(name, self.check_broken(model))
        elif truth.get("kind") == "checkpoint":
            for prefix, checkpoint in truth["checkpoints"].items():
                path = os.path.join(folder, prefix)
                if os.path.exists(path + ".index"):
                    self.report(os.path.join(name, prefix), self.compare_checkpoint(checkpoint, path))
        elif meta_graph is not None and truth.get("kind") != "broken":
            self.report(name, self.compare(truth, meta_graph, model))


def main(args):
    limit_memory = "--no-memory-limit" not in args
    args = [a for a in args if a != "--no-memory-limit"]
    if len(args) < 2:
        sys.exit(__doc__)
    checker = Checker(os.path.abspath(args[0]), limit_memory)
    checker.check_nothing(os.path.join(args[1], "nowhere"))
    for root in args[1:]:
        for folder, folders, files in os.walk(root):
            folders.sort()
            if "truth.json" in files:
                checker.check(folder, os.path.relpath(folder, root))
    print("%d passed, %d failed" % (checker.passed, checker.failed))
    return 1 if checker.failed or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
