#!/usr/bin/env python3
"""Records what saved_model_cli of TensorFlow prints, accepts and refuses: the files tests/data/cli/*.json.

    ~/.cache/libsavedmodel-tf-2.21/bin/python tests/interop/record_cli.py [NAME ...]

Needs TensorFlow 2.21; two minutes.  With names only those files are made again.  Run it after changing the
cases below or the models in tests/data/models, look at the difference with git, and commit both.  check_cli.py then
plays the recordings against our tool, without TensorFlow.

A file has a list of cases.  A case has
  model          the folder below tests/data/models that {dir} stands for in the arguments and in all texts
  args           the argument vector
  exit, stdout   what TensorFlow's tool did
  error_type     null, or the class of the exception, or "usage" (argparse, exit 2), or "flags" (absl, exit 1)
  error_message  its text, without the class and without a stack trace; with several flags missing it has several lines
  ours           where we differ on purpose (cli.md says where): our exit, stdout, message, or a part of the message
                 ("message_contains"), and why.  What it does not name is as TensorFlow's; a stdout of null is any
                 text, a message of null none in particular.
What TensorFlow prints in an order that changes from run to run is stored in the order that ours has: sets of ops,
signature keys in a message, keyword-only arguments and items of a dict sorted, tags in a message as the model has them.
"""
import ast
import json
import os
import re
import signal
import sys
import tempfile

from compare import sort_dict_values, sort_named_arguments, sort_sets

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")

EVERY_NODE = "every node of every function counts, called or not"
TRIMMED = "blanks around tags are dropped in every form, not only with --signature_def and --list_ops"
UNTAGGED = 'an empty --tag_set is the untagged meta graph in every form, not only in the listing of keys'
ECHO = "the message may show the tags as we understood them, where TensorFlow shows the text as typed"
PARSER = "the tail of the message is the parser's own"
USAGE = "an unknown command is a usage error with a message of its own, not a KeyError"
HELP = "help and version are broken in TensorFlow 2.21; ours print something and succeed"
POSITIONAL = "the model may be given without --dir"
DASH = "- and _ are the same letter in flag names"
NEGATIVE = "Python takes child -1 for the last object; ours calls it out of range, like 9999"
OWN_CONVERT = "without the word tensorrt, convert is a command of ours"
NO_TENSORRT = "not supported in this build"


# ---- the cases -----------------------------------------------------------------------------------------------------

def case(*args, why=None, like=None, ours=None, model=None):
    """why: ours differs and does, with tags trimmed everywhere, what TensorFlow does for the arguments `like` (default:
    the same).  ours: what ours does, spelt out."""
    return {"args": list(args), "why": why, "like": like or list(args), "ours": ours, "model": model}


def show(*args, **more):
    return case("show", "--dir", "{dir}", *args, **more)


def no_such_tags(tag_sets, why):
    listed = "could not be found in the SavedModel. Please use one of the following tag-sets: %s" % tag_sets
    return {"exit": 1, "stdout": "", "message_contains": listed, "why": why}


def empty_tag_set_cases(tag_sets, key):
    """A --tag_set of nothing but commas and blanks."""
    there = "" in tag_sets
    cases = [show("--tag_set", "")]
    cases.append(show("--tag_set", ",", ours=None if there else no_such_tags(tag_sets, ECHO)))
    for args in (["--tag_set", " "], ["--tag_set", " , "], ["--tag_set", "", "--list_ops"],
                 ["--tag_set", "", "--signature_def", key], ["--tag_set=", "--list_ops", "--signature_def", key]):
        cases.append(show(*args, why=UNTAGGED) if there else show(*args, ours=no_such_tags(tag_sets, UNTAGGED)))
    return cases


def tag_set_cases(tags, key):
    """Spellings of a tag set that is there."""
    text = ",".join(tags)
    with_key = ["--signature_def", key]
    cases = [show("--tag_set", text), show("--tag_set=" + text), show("--tag_set", text, "--list_ops"),
             show("--tag_set", text, "--list_ops", *with_key), show("--list_ops", *with_key, "--tag_set", text)]
    for other in (",".join(reversed(tags)), text + "," + tags[0], text + ",", "," + text, tags[0] + ",," + text):
        cases += [show("--tag_set", other), show("--tag_set", other, *with_key)]
    for other in (" " + text, text + " ", " , ".join(tags), "\t" + text):
        if other != text:
            cases += [show("--tag_set", other, why=TRIMMED), show("--tag_set", other, *with_key),
                      show("--tag_set", other, "--list_ops", why=TRIMMED)]
    cases += [show("--tag_set", text, "--signature_def", k) for k in ("nope", "", " " + key, key.upper())]
    return cases + [show("--tag_set", text, "--list_ops", "--signature_def", "nope")]


def wrong_tag_set_cases(tag_sets):
    cases = [show("--tag_set", "nope"), show("--tag_set", "nope", "--signature_def", "serving_default"),
             show("--tag_set", "nope", "--list_ops"), show("--tag_set", "serve,nope"), show("--tag_set", "SERVE")]
    for other in (" nope ", "serve,,nope", "nope,"):
        cases += [show("--tag_set", other, ours=no_such_tags(tag_sets, ECHO)),
                  show("--tag_set", other, "--signature_def", "x")]
    return cases


def general_cases():
    """What every model is asked."""
    return [show(), show("--all"), show("--list_ops"), show("--signature_def", "serving_default"),
            case("scan", "--dir", "{dir}")]


def scan_cases(tags):
    text = ",".join(tags)
    scan = ["scan", "--dir", "{dir}"]
    return [case(*scan, *more) for more in (
        ["--tag_set", text], ["--tag_set", " " + text + " "], ["--tag_set", ""], ["--tag_set", ","],
        ["--tag_set", "nope"], ["--op_denylist", "NoOp"], ["--op_denylist", " NoOp , Placeholder,Nothing"],
        ["--op_denylist", ""], ["--op_denylist", ","], ["--tag_set", text, "--op_denylist", "Const,MatMul"],
        ["--all", "--op_denylist=Const"])]


def model_cases(meta_graphs):
    """All cases of one model.  meta_graphs: tags and signature keys, in file order."""
    tag_sets = [",".join(tags) for tags, _ in meta_graphs]
    cases = general_cases() + wrong_tag_set_cases(tag_sets)
    if not meta_graphs:
        return cases + [show("--tag_set", ""), show("--tag_set", "serve")]
    for tags, keys in meta_graphs:
        if tags:
            cases += tag_set_cases(tags, keys[-1] if keys else "none")
        cases += [show("--tag_set", ",".join(tags), "--signature_def", k) for k in keys if tags]
    cases += empty_tag_set_cases(tag_sets, meta_graphs[0][1][-1] if meta_graphs[0][1] else "none")
    return cases + scan_cases(meta_graphs[0][0])


def unreadable_cases():
    """A model that cannot be read fails in the same way whatever is asked."""
    ours = {"message_contains": "Cannot parse proto file b'{dir}/saved_model.pb': ", "why": PARSER}
    return [show(*more, ours=ours) for more in ([], ["--all"], ["--tag_set", "serve"], ["--list_ops"],
                                                ["--tag_set", "serve", "--signature_def", "serving_default"])] + [
        case("scan", "--dir", "{dir}", ours=ours), case("show", "--dir", "{dir}/", "--all", ours=ours)]


def missing_cases():
    return [show(*more) for more in ([], ["--all"], ["--tag_set", "serve"], ["--list_ops"], ["--tag_set", ""],
                                     ["--tag_set", "serve", "--signature_def", "serving_default"])] + [
        case("show", "--dir", "{dir}/", "--all"), case("show", "--dir", "{dir}/nowhere"), case("show", "--dir="),
        case("show", "--dir", "{dir}/truth.json"), case("scan", "--dir", "{dir}"),
        case("scan", "--dir", "{dir}/nowhere")]


def usage_cases():
    """Arguments that are wrong in themselves, or merely unusual."""
    scan_all = ["scan", "--dir", "{dir}"]
    bogus = {"exit": 2, "message": None, "message_contains": "bogus", "why": USAGE}
    text = {"exit": 0, "stdout": None, "message": None, "why": HELP}
    return [
        case("show", "--dir={dir}"), case("--dir", "{dir}", "show"), case("--dir={dir}", "show", "--all"),
        show("--noall"), show("--nolist_ops"), show("--all", "--noall"), show("--noall", "--all"),
        show("--all", "--list_ops"), show("--all", "--tag_set", "nope", "--signature_def", "nope"),
        case(), case("--dir", "{dir}"), case("bogus", ours=bogus),
        case("bogus", "--dir", "{dir}", ours=bogus),
        case("--help", ours=text),
        case("-h", ours=text),
        case("--version", ours=text),
        case("-v", ours=text),
        case("show", "--help", ours=text),
        case("show"), case("show", "--all"), case("show", "--tag_set", "serve"),
        case("show", "{dir}", why=POSITIONAL, like=["show", "--dir", "{dir}"]),
        case("show", "{dir}", "--all", why=POSITIONAL, like=["show", "--dir", "{dir}", "--all"]),
        case("show", "--all", "{dir}", why=POSITIONAL, like=["show", "--dir", "{dir}", "--all"]),
        case("scan", "{dir}", why=POSITIONAL, like=scan_all),
        show(), show("--all"), case(*scan_all), show("extra"), show("extra", "words"), show("--all", "extra"),
        case("show", "extra", "--dir", "{dir}"),
        case("show", "nowhere", "--all", why=POSITIONAL, like=["show", "--dir", "nowhere", "--all"]),
        case("scan", "--dir", "{dir}", "extra"),
        show("--bogus"), show("--bogus=1"), show("--bogus", "1"), case("show", "--bogus"), case("--bogus"),
        show("--tagset", "serve"), show("--tag_sets", "serve"), show("--tag", "serve"), show("--tag_se=serve"),
        show("--signature_de", "x"), show("--lst_ops"), show("--alll"), show("--al"), show("--no_all"),
        show("--nobogus"), show("--dirr", "x"), show("--output", "x"), show("-x"), show("-all"),
        case("show", "-dir", "{dir}"),
        show("--tag-set", "serve", why=DASH, like=["show", "--dir", "{dir}", "--tag_set", "serve"]),
        show("--tag_set", "serve"), show("--tag_set"), show("--signature_def"), case("show", "--dir"),
        case("show", "--all", "--dir"), show("--all=true"), show("--all=false"), show("--all="), show("--all", "true"),
        show("--list_ops=1"), show("--noall=1"), show("--notag_set", "serve"), show("--tag_set", "--all"),
        show("--tag_set", "-x"), show("--tag_set=-x"), show("--tag_set=--all"), show("--tag_set", "-5"),
        show("--precision_mode", "FP64"), show("--precision_mode=fp16"), show("--precision_mode", "FP16"),
        show("--precision_mode="), show("--max_workspace_size_bytes", "abc"),
        show("--max_workspace_size_bytes", "1.5"), show("--max_workspace_size_bytes", "-5"),
        show("--minimum_segment_size", "0x10"), show("--minimum_segment_size="), show("--overwrite"),
        show("--outdir", "x", "--worker", "y", "--init_tpu"), show("--multithreading", "maybe"),
        show("--op_denylist", "Const"), show("--inputs", "bad"), show("--bogus", "--precision_mode", "FP64"),
        show("--precision_mode", "FP64", "--bogus"), show("--tag_set", "nope", "--tag_set", "serve"),
        case("show", "--dir", "nowhere", "--dir", "{dir}"), case("--all", "--dir", "{dir}", "show"),
        case("--tag_set", "serve", "show", "--dir", "{dir}", "--signature_def", "serving_default"),
        case("scan"), case("scan", "--tag_set", "serve"), case("scan", "--op_denylist"),
    ]


def other_command_cases():
    """Argument errors of the commands that do more than print; the work itself is tested elsewhere."""
    have = ["--dir", "{dir}", "--tag_set", "serve"]
    run = ["run"] + have + ["--signature_def", "serving_default"]
    tensorrt = ["--output_dir", "out", "tensorrt"]
    cases = [case("run"), case("run", "--dir", "{dir}"), case("run", "--tag_set", "serve"), case("run", *have),
             case("run", "--signature_def", "x", "--inputs", "x=y"), case(*run), case(*run, "--inputs", ""),
             case(*run, "--inputs"), case(*run, "--inputs", "x=1", "extra")]
    for text in ("x", "=f", "x=", "x=a[b]c", "x=a[b", "x=a]b[", "x1=f.npy;y", "x=a[]", "x=f[n];q"):
        cases.append(case(*run, "--inputs", text))
    for text in ("x", "x=foo", "x=np.ones((1,2))", "x=[1,", "x=", "x=1;y=", "x=1;z"):
        cases.append(case(*run, "--input_exprs", text))
    for text in ("x", "x=1", "x='a'", "x={'a':[1]}", "x=[{'a':1}]", "x=[{'a':[None]}]", "x=[{'a':[{}]}]", "x=foo"):
        cases.append(case(*run, "--input_examples", text))
    cases += [case("run", "--dir", "nowhere", *run[3:], "--inputs", "x"), case(*run, "--inputs", "x=nofile.npy"),
              case("run", "--dir", "nowhere", *run[3:], "--input_exprs", "x=1"),
              case("run", "--dir", "{dir}", "--tag_set", "nope", *run[5:], "--input_exprs", "x=1"),
              case("run", *have, "--signature_def", "nope", "--input_exprs", "x=1"),
              case("run", "--dir", "{dir}", "--tag_set", ",", *run[5:], "--input_exprs", "x=1"),
              case(*run, "--input_exprs", "q=1"), case(*run, "--input_exprs", "x=1;q=1")]
    ours = {"exit": 2, "message": None, "why": OWN_CONVERT}
    cases += [case("convert", ours=ours), case("convert", "--dir", "{dir}", ours=ours), case("convert", "tensorrt"),
              case("convert", *have, "tensorrt"), case("convert", "--dir", "{dir}", *tensorrt),
              case("convert", *have, "--output_dir", "out", ours=ours),
              case("convert", *have, *tensorrt, ours={"message_contains": NO_TENSORRT, "why": NO_TENSORRT}),
              case("convert", *have, "--convert_tf1_model", *tensorrt,
                   ours={"message_contains": NO_TENSORRT, "why": NO_TENSORRT}),
              case("convert", *have, *tensorrt, "extra"), case("convert", *have, "--convert_tf1_model=True", *tensorrt)]
    for command in ("freeze_model", "aot_compile_cpu"):
        cases += [case(command), case(command, "--dir", "{dir}"), case(command, *have), case(command, "--bogus"),
                  case(command, "--output_prefix", "p"), case(command, *have, "--output_prefix")]
    freeze = ["freeze_model", "--output_prefix", "out"]
    cases += [case(*freeze, "--dir", "{dir}", "--tag_set", tags) for tags in ("nope", ",")]
    return cases + [case(*freeze, *have, "--signature_def_key", "nope"), case(*freeze, *have, "extra"),
                    case(*freeze, "--dir", "{dir}/x", "--tag_set", "serve")]


MODELS = ["v1/simple_save", "v1/several_meta_graphs", "v1/sparse_signature", "v1/classify_regress_predict",
          "v1/no_variables", "v1/table_main_op", "v2/one_signature", "v2/several_signatures", "v2/no_functions",
          "v2/input_structures", "v2/type_specs", "v2/composite_arguments", "v2/function_aliases", "v2/control_flow",
          "broken/no_tags", "broken/no_tags_v1", "broken/same_tags_twice", "broken/tag_listed_twice",
          "broken/no_meta_graphs", "broken/pb_empty"]
# Denylisted ops in functions that only the object graph names: TensorFlow's scan passes them over.
SEEN_BY_OURS = {"broken/no_tags": "ReadFile"}
UNREADABLE = ["broken/pb_garbage", "broken/pb_truncated", "broken/pb_invalid_utf8"]


def readable_broken_cases():
    """show and show --all of every damaged model that TensorFlow parses."""
    cases = []
    for name in sorted(os.listdir(DATA + "/models/broken")):
        model = "broken/" + name
        if os.path.isdir(DATA + "/models/" + model) and model not in MODELS and stored_meta_graphs(model) is not None:
            cases += [show(model=model), show("--all", model=model)]
    like = ["show", "--dir", "broken/object_graph_bad_child", "--all"]
    return cases + [show("--all", model="broken/object_graph_negative_child", why=NEGATIVE, like=like)]


def all_files():
    """Name of the recording -> (model, function that makes its cases)."""
    files = {"usage": ("v2/one_signature", usage_cases), "other_commands": ("v2/one_signature", other_command_cases),
             "broken": (None, readable_broken_cases), "broken_pb_missing": ("broken/pb_missing", missing_cases)}
    for model in MODELS:
        files[model.replace("/", "_")] = (model, lambda m=model: model_cases(stored_meta_graphs(m)))
    for model in UNREADABLE:
        files[model.replace("/", "_")] = (model, unreadable_cases)
    return files


# ---- running TensorFlow --------------------------------------------------------------------------------------------

def stored_meta_graphs(model):
    """[(tags as stored, sorted signature keys)] of a model below tests/data/models; None if it cannot be read."""
    from tensorflow.python.tools import saved_model_utils
    try:
        parsed = saved_model_utils.read_saved_model(DATA + "/models/" + model)
    except OSError:
        return None
    return [(list(m.meta_info_def.tags), sorted(m.signature_def)) for m in parsed.meta_graphs]


def trim_everywhere():
    """Makes TensorFlow's tool treat tags as ours does: trimmed in every form, none of them is the untagged graph."""
    from tensorflow.python.tools import saved_model_cli, saved_model_utils
    find = saved_model_utils.get_meta_graph_def

    def trim(tags, _name=None):
        return [t.strip() for t in tags if t.strip()]
    saved_model_cli._sanitize_nonempty_str_list = trim
    saved_model_utils.get_meta_graph_def = lambda folder, tags: find(folder, ",".join(trim(tags.split(","))))


def child(argv):
    """In the forked child: runs the tool's main.  Returns exit code, class of the exception, its text."""
    from tensorflow.python.tools import saved_model_cli
    signal.alarm(120)
    sys.modules["__main__"].__doc__ = None      # --help would print it
    sys.argv = ["saved_model_cli"] + argv
    try:
        saved_model_cli.main()
    except SystemExit as e:
        return e.code or 0, None, None
    except Exception as e:  # the interpreter would print a stack trace and exit with 1
        return 1, type(e).__name__, str(e)
    return 0, None, None


def run_forked(argv, prepare):
    """Runs one case in a copy of this process.  Returns exit code, class, message, stdout and stderr."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as result:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            prepare()
            got = child(argv)
            sys.stdout.flush()
            sys.stderr.flush()
            result.write(json.dumps(got).encode())
            result.flush()
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if status != 0:
            raise RuntimeError("saved_model_cli %s ended with status %d" % (argv, status))
        texts = []
        for f in (result, out, err):
            f.seek(0)
            texts.append(f.read().decode("utf-8"))
        return json.loads(texts[0]) + texts[1:]


def split_error(stderr):
    """Class and message of an error that was printed and not raised."""
    lines = stderr.splitlines()
    for i, line in enumerate(lines):
        m = re.match(r"FATAL Flags parsing error: (.*)", line)
        if m:
            return "flags", m[1]
        if re.match(r"saved_model_cli( \w+)*: error: ", line):
            return "usage", "\n".join(lines[i:])
    return None, None


def in_our_order(message, model):
    """The message with the tags or keys that it lists in the order that ours has them in."""
    head, found, listed = message.partition("Please use one of the following tag-sets: ")
    if found:
        tag_sets = [",".join(tags) for tags, _ in stored_meta_graphs(model)]
        assert [sorted(t.split(",")) for t in ast.literal_eval(listed)] == [sorted(set(t.split(","))) for t in tag_sets]
        return head + found + str(tag_sets)
    head, found, listed = message.partition("Available keys: ")
    if found:
        return head + found + str(sorted(ast.literal_eval(listed)))
    head, found, listed = message.partition("Please choose from: ")
    return head + found + ", ".join(sorted(listed.split(", "))) if found else message


def record(args, model, prepare=lambda: None):
    """Runs one case.  Returns what the file says of it."""
    exit_code, error_type, message, stdout, stderr = run_forked([a.replace("{dir}", model) for a in args], prepare)
    if exit_code != 0 and error_type is None:
        error_type, message = split_error(stderr)
    stdout = sort_dict_values(sort_named_arguments(sort_sets(stdout))).replace(model, "{dir}")
    message = message and in_our_order(message, model).replace(model, "{dir}")
    return {"exit": exit_code, "stdout": stdout, "error_type": error_type, "error_message": message}


def seen_by_ours(model, got):
    """What our scan says where it sees more; None where both say the same."""
    op = SEEN_BY_OURS.get(model)
    head, clean, ops = got["stdout"].partition(" does not contain the default denylisted ops: ")
    if op is None or got["args"][0] != "scan" or not clean or "'%s'" % op not in ops:
        return None
    return {"stdout": "%s contains the following denylisted ops: {'%s'}\n" % (head, op), "why": EVERY_NODE}


def record_case(spec, model):
    model = spec["model"] or model
    got = dict({"model": model, "args": spec["args"]}, **record(spec["args"], model))
    if spec["why"]:
        like = record(spec["like"], model, trim_everywhere)
        got["ours"] = {"exit": like["exit"], "stdout": like["stdout"], "message": like["error_message"],
                       "why": spec["why"]}
    elif spec["ours"]:
        got["ours"] = spec["ours"]
    elif seen_by_ours(model, got):
        got["ours"] = seen_by_ours(model, got)
    return got


def record_file(name, model, specs):
    specs = {(spec["model"], *spec["args"]): spec for spec in specs}.values()      # each once
    cases = [record_case(spec, model) for spec in specs]
    text = json.dumps({"cases": cases}, indent=1, ensure_ascii=False)
    text = re.sub(r"\[\n +(\".*?\")\n +\]", lambda m: "[%s]" % re.sub(r"\n +", " ", m[1]), text, flags=re.S)
    with open("%s/cli/%s.json" % (DATA, name), "w") as f:       # an argument vector on one line
        f.write(text + "\n")
    return len(cases)


def main(names):
    from tensorflow.python.saved_model import load, loader_impl  # noqa: F401  imported once, used by every child
    from tensorflow.python.tools import saved_model_cli, saved_model_utils  # noqa: F401
    os.makedirs(DATA + "/cli", exist_ok=True)
    os.chdir(DATA + "/models")
    for name, (model, make_cases) in all_files().items():
        if not names or name in names:
            print("%-32s %4d cases" % (name, record_file(name, model, make_cases())), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
