#!/usr/bin/env python3
"""Compares what our tool says of models with what TensorFlow said of them.

    check_models.py [--no-memory-limit] TOOL ROOT...

A root is tests/data/models, a folder of fixtures that make_fixtures.py made, or one of models from the wild: every
folder below it with a truth.json is looked at.  Needs no TensorFlow.

  show --dir D --all    against cli_show_all.txt, byte for byte but for the orders that TensorFlow leaves to chance
  show D --json         against truth.json, wherever both record a fact
  damaged models        against tests/data/tolerance.tsv: accepted, or refused with one line on stderr

Every run has 10 seconds and, without --no-memory-limit (sanitizers need it), 1 GiB, and may not die of a signal.
"""
import ast
import json
import os
import re
import sys

from compare import Run, compare_text

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = os.path.join(HERE, "..", "data", "tolerance.tsv")
SHOWN_PER_MODEL = 8
FINGERPRINT_HASHES = ("saved_model_checksum", "graph_def_program_hash", "signature_def_hash", "saved_object_graph_hash",
                      "checkpoint_hash")


# ---- what TensorFlow recorded, in the words of `show --json` -------------------------------------------------------

def dtype(name):
    """float32 -> DT_FLOAT"""
    if name.startswith("DT_"):
        return name
    base, ref = (name[:-4], "_REF") if name.endswith("_ref") else (name, "")
    return "DT_" + {"float16": "HALF", "float32": "FLOAT", "float64": "DOUBLE"}.get(base, base.upper()) + ref


def shape_of(value):
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        value = value[0] if value else None
    return shape


def tensor(info):
    kind = info["kind"] if "kind" in info else info["encoding"]
    kind = {"composite_tensor": "composite", None: "name"}.get(kind, kind)
    return {"dtype": dtype(info["dtype"]), "shape": info["shape"], "kind": kind, "name": info.get("name", "")}


def signature(sig):
    inputs = {k: tensor(v) for k, v in sig["inputs"].items()}
    defaults = {k: {"dtype": inputs[k]["dtype"], "shape": shape_of(v)} for k, v in sig.get("defaults", {}).items()}
    return {"method_name": sig["method_name"], "inputs": inputs,
            "outputs": {k: tensor(v) for k, v in sig["outputs"].items()}, "defaults": defaults}


def saver_def(saver):
    """Fixtures have all seven fields by their own names, wild models six by shorter ones."""
    if saver is None:
        return None
    long_names = {"filename": "filename_tensor_name", "save": "save_tensor_name", "restore": "restore_op_name"}
    saver = {long_names.get(k, k): v for k, v in saver.items()}
    saver["version"] = {0: "LEGACY", 1: "V1", 2: "V2"}[saver["version"]]
    return saver


def collections(recorded):
    """Key -> kind, number of values and, where recorded, the values."""
    out = {}
    for key, c in recorded.items():
        c = c if isinstance(c, dict) else {"kind": c[0], "count": c[1]}
        if c["kind"] is not None:
            out[key] = {"kind": c["kind"], "count": c["count"]}
            if "value" in c:
                out[key]["values"] = c["value"]
            if "type_urls" in c:
                out[key]["type_urls"] = c["type_urls"]
    return out


def assets(graph):
    """Old V1 models have their assets in a collection, of which the truth of wild models has only the count."""
    found, in_collection = graph["assets"], graph["collections"].get("saved_model_assets")
    if not found and isinstance(in_collection, dict):
        found = in_collection["assets"]
    elif not found and in_collection:
        return {"n_assets": in_collection[1]}
    return {"assets": [{"tensor": a["tensor"], "filename": a["filename"]} for a in found]}


def fixture_graph(g):
    graph = g["graph"]
    facts = {"tags": g["tags"], "tensorflow_version": g["tensorflow_version"], "nodes": graph["nodes"],
             "n_functions": graph["functions"], "function_aliases": g["function_aliases"],
             "n_function_aliases": len(g["function_aliases"]), "graph_versions": graph["versions"],
             "saver_def": saver_def(g["saver"])}
    if "function_names" in graph:
        facts["functions"] = graph["function_names"]
    return facts, set(graph["ops"]), set(graph["function_ops"])


def wild_graph(g):
    """Their truth has the tags sorted; the order in the file shows in cli_show_all.txt."""
    facts = {"tensorflow_version": g["tf_version"], "tensorflow_git_version": g["tf_git_version"], "nodes": g["nodes"],
             "n_functions": g["functions"], "n_function_aliases": g["function_aliases"],
             "graph_versions": {"producer": g["graph_versions"][0], "min_consumer": g["graph_versions"][1]},
             "saver_def": saver_def(g.get("saver_def"))}
    return facts, set(g["op_histogram"]), set(g["function_op_histogram"])


def graph_facts(g):
    """Facts of one meta graph; the ops come as (those of the graph's nodes, those of all function bodies)."""
    facts, ops, function_ops = fixture_graph(g) if "graph" in g else wild_graph(g)
    facts.update({"tag_set": sorted(g["tags"]), "meta_graph_version": g["meta_graph_version"],
                  "stripped_default_attrs": g["stripped_default_attrs"],
                  "signatures": {k: signature(v) for k, v in g["signatures"].items()},
                  "collections": collections(g["collections"])})
    facts.update(assets(g))
    return facts, ops, function_ops


def fingerprint(recorded):
    if recorded is None:
        return None
    facts = {k: int(recorded[k]) for k in FINGERPRINT_HASHES}
    facts["version"] = recorded["version"]
    if "uuid" in recorded:
        facts["uuid"] = recorded["uuid"]
    return facts


def model_facts(truth):
    below = re.compile(r"(?:\d+/)?(.*)")        # the model of estimator_like lies in a numbered folder
    files = {below.match(f)[1]: size for f, size in truth["files"].items()}
    extra = [{"filename": f[len("assets.extra/"):], "bytes": files[f]} for f in sorted(files)
             if f.startswith("assets.extra/")]
    return {"format": "savedmodel/1", "schema_version": truth["schema_version"], "assets_extra": extra,
            "fingerprint": fingerprint(truth.get("fingerprint")),
            "debug_info": "debug/saved_model_debug_info.pb" in files}


# ---- comparing -----------------------------------------------------------------------------------------------------

def differences(want, got, place):
    """Every fact of `want` that `got` lacks or has otherwise, a list of texts."""
    if isinstance(want, dict) and isinstance(got, dict):
        out = []
        for key in want:
            where = "%s.%s" % (place, key) if place else key
            out += differences(want[key], got[key], where) if key in got else [where + " is missing"]
        return out
    return [] if want == got else ["%s: expected %.200r, got %.200r" % (place, want, got)]


def with_counts(graph):
    """A meta graph of `show --json` with the counts that a truth may have instead of names."""
    graph = dict(graph, n_functions=len(graph["functions"]), n_function_aliases=len(graph["function_aliases"]),
                 n_assets=len(graph["assets"]), tag_set=sorted(graph["tags"]))
    for key, c in graph["collections"].items():
        c["count"] = len(c["values"])
        if c["kind"] == "any_list":
            c["type_urls"] = sorted({v["type_url"] for v in c["values"]})
    return graph


def extra_keys(want, got, place):
    """Signatures, inputs, collections and so on that TensorFlow does not have."""
    return ["%s: %r is too much" % (place, k) for k in sorted(set(got) - set(want))]


def compare_ops(g, ops, function_ops, got, shown):
    """Ours are those of the graph and of the functions it calls: at least the graph's, at most all, no function names.
    shown: those that TensorFlow lists, None if it does not tell."""
    functions, listed, ours = set(got["functions"]), got["ops"], set(got["ops"])
    out = [] if listed == sorted(ours) else ["ops are not sorted"]
    out += [] if got["functions"] == sorted(functions) else ["functions are not sorted"]
    if not ops - functions <= ours <= (ops | function_ops) - functions:
        out.append("ops: %s missing, %s too much" % (sorted(ops - functions - ours),
                                                     sorted(ours - ((ops | function_ops) - functions))))
    if shown is not None and ours != shown:
        out.append("ops: other than TensorFlow lists: %s" % sorted(ours ^ shown))
    return out


def compare_graph(g, got, shown, place):
    facts, ops, function_ops = graph_facts(g)
    got = with_counts(got)
    out = differences(facts, got, "")
    out += extra_keys(facts["signatures"], got["signatures"], "signatures")
    out += extra_keys(g["collections"], got["collections"], "collections")
    for key, sig in facts["signatures"].items():
        for side in ("inputs", "outputs", "defaults"):
            out += extra_keys(sig[side], got["signatures"].get(key, {}).get(side, {}), key + "." + side)
    return [place + x for x in out + compare_ops(g, ops, function_ops, got, shown)]


def shown_ops(text):
    """The ops that cli_show_all.txt lists, by tag set."""
    found = re.findall(r"(?m)^The MetaGraph with tag set (\[.*\]) contains the following ops: (.*)$", text)
    return {frozenset(ast.literal_eval(tags)): set(re.findall(r"'([^']*)'", ops)) for tags, ops in found}


def compare_json(truth, text, got):
    """Facts of truth.json against the document of `show --json`."""
    graphs = got["meta_graphs"]
    out = differences(model_facts(truth), got, "")
    if len(graphs) != len(truth["meta_graphs"]):
        return out + ["%d meta graphs, expected %d" % (len(graphs), len(truth["meta_graphs"]))]
    shown = shown_ops(text)
    for i, (want, have) in enumerate(zip(truth["meta_graphs"], graphs)):
        out += compare_graph(want, have, shown.get(frozenset(want["tags"])), "meta_graphs[%d]." % i)
    return out


# ---- the models ----------------------------------------------------------------------------------------------------

def find_model(folder):
    """The directory of the model: the folder itself, a numbered one in it, or model/."""
    for name in [""] + sorted(n for n in os.listdir(folder) if n.isdigit()) + ["model"]:
        path = os.path.join(folder, name)
        if any(os.path.exists(os.path.join(path, "saved_model." + form)) for form in ("pb", "pbtxt", "cpb")):
            return path.rstrip("/")
    return folder


def read(*path):
    with open(os.path.join(*path), encoding="utf-8", newline="") as f:
        return f.read()


def find_shown(folder, model):
    path = next(p for p in (folder, model) if os.path.exists(os.path.join(p, "cli_show_all.txt")))
    return read(path, "cli_show_all.txt")


class Checker:
    def __init__(self, tool, limit_memory):
        self.tool, self.limit_memory = tool, limit_memory
        self.passed = self.failed = self.as_sets = 0
        self.tolerance = {}
        for line in read(TOLERANCE).splitlines():
            if line and not line.startswith("#"):
                fields = line.split("\t")
                self.tolerance[fields[0]] = fields[5]

    def run(self, *args):
        return Run([self.tool, *args], self.limit_memory)

    def result(self, what, problems):
        if not problems:
            self.passed += 1
            return
        self.failed += 1
        for p in problems[:SHOWN_PER_MODEL]:
            print("FAIL %s: %s" % (what, p))
        if len(problems) > SHOWN_PER_MODEL:
            print("FAIL %s: and %d more" % (what, len(problems) - SHOWN_PER_MODEL))

    def succeeded(self, run):
        """What is wrong with a run that has to succeed, a list."""
        if run.bad_end():
            return [run.bad_end()]
        if run.exit != 0:
            return ["exit %d: %s" % (run.exit, run.stderr[-1] if run.stderr else "")]
        return ["stderr is not empty: %r" % run.stderr[0]] if run.stderr else []

    def check_text(self, name, model, text):
        run = self.run("show", "--dir", model, "--all")
        problems = self.succeeded(run)
        if not problems:
            difference, as_sets = compare_text(text, run.stdout)
            problems = [difference] if difference else []
            self.as_sets += as_sets
        self.result(name + ": show --all", problems)

    def check_json(self, name, model, text, truth):
        run = self.run("show", model, "--json")
        problems = self.succeeded(run)
        if not problems:
            try:
                problems = compare_json(truth, text, json.loads(run.stdout))
            except (ValueError, KeyError, TypeError) as e:      # not JSON, or not of the form that we fixed
                problems = ["%s: %s" % (type(e).__name__, e)]
        self.result(name + ": show --json", problems)

    def check_sound(self, name, folder, truth):
        model = find_model(folder)
        text = find_shown(folder, model)
        self.check_text(name, model, text)
        self.check_json(name, model, text, truth)

    def check_broken(self, name, folder):
        """A bare checkpoint (-) is refused as well: there is no model in it."""
        run = self.run("show", "--dir", folder, "--all")
        expect = self.tolerance.get(os.path.basename(folder))
        if expect is None:
            problem = "no row in tolerance.tsv"
        elif expect == "accept":
            problem = "".join(self.succeeded(run))
        else:
            problem = run.bad_end() or run.not_refused()
        self.result(name + ": show --all", [problem] if problem else [])

    def check_fuzz(self, name, folder, truth):
        """Malformed on purpose: read as TensorFlow reads it, or refused with one clear line."""
        run = self.run("show", "--dir", find_model(folder), "--all")
        if run.exit == 0:
            self.check_sound(name, folder, truth)
        else:
            problem = run.bad_end() or run.not_refused()
            self.result(name + ": show --all", [problem] if problem else [])

    def check(self, folder, name):
        truth = json.loads(read(folder, "truth.json"))
        kind = truth.get("kind", "wild")
        if kind == "broken":
            self.check_broken(name, folder)
        elif kind == "wild" and os.path.basename(folder).startswith("tf_fuzz_"):
            self.check_fuzz(name, folder, truth)
        elif kind in ("v1", "v2", "wild"):
            self.check_sound(name, folder, truth)


def main(args):
    limit_memory = "--no-memory-limit" not in args
    args = [a for a in args if a != "--no-memory-limit"]
    if len(args) < 2:
        sys.exit(__doc__)
    checker = Checker(os.path.abspath(args[0]), limit_memory)
    for root in args[1:]:
        for folder, folders, files in os.walk(root):
            folders.sort()
            if "truth.json" in files:
                checker.check(folder, os.path.relpath(folder, root))
    if checker.as_sets:
        print("%d lines with a dict equal TensorFlow's but for the order of its items, which changes from run to run"
              % checker.as_sets)
    print("%d passed, %d failed" % (checker.passed, checker.failed))
    return 1 if checker.failed or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
