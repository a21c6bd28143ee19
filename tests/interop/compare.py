"""What the interop checks share: running the tool, and comparing what it prints with what TensorFlow printed.

TensorFlow prints three things in an order that changes from one run to the next, because it walks a Python set or an
unordered map: the set of ops, the items of a dict argument, and the keyword-only arguments of a function.  Sorting them
on both sides makes the rest comparable byte for byte.
"""
import re
import resource
import subprocess

TIMEOUT_S = 60
MEMORY_BYTES = 1 << 30
FUNCTIONS = "\nConcrete Functions:"


class Run:
    """One run of the tool: exit code (negative: the signal), stdout as text, stderr as a list of lines."""

    def __init__(self, argv, limit_memory):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))) if limit_memory else None
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=TIMEOUT_S, preexec_fn=limit)
        except subprocess.TimeoutExpired:
            self.exit, self.stdout, self.stderr = None, "", ["no end after %d seconds" % TIMEOUT_S]
            return
        self.exit = done.returncode
        self.stdout = done.stdout.decode("utf-8", "backslashreplace")
        self.stderr = done.stderr.decode("utf-8", "backslashreplace").splitlines()

    def bad_end(self):
        """What is wrong whatever the arguments were: a signal or a timeout; None when the run ended by itself."""
        if self.exit is None:
            return self.stderr[0]
        return "killed by signal %d" % -self.exit if self.exit < 0 else None

    def not_refused(self):
        """What is wrong with a run that has to fail with one clear line; None when it did."""
        if self.exit != 1:
            return "exit %d, expected 1" % self.exit
        if len(self.stderr) != 1 or not self.stderr[0].startswith("savedmodel: "):
            return "stderr is not one line 'savedmodel: ...' but %r" % self.stderr
        return None


def sort_sets(text):
    """Sorts every {'A', 'B'} at the end of a line: sets of ops."""
    return re.sub(r"\{('[^'\n]*'(?:, '[^'\n]*')*)\}$", lambda m: "{%s}" % ", ".join(sorted(m[1].split(", "))), text,
                  flags=re.M)


def sort_named_arguments(text):
    """Sorts the names below the headings Named Argument #1, #2, ... of each function."""
    def one(block):
        lines = block[0].splitlines(keepends=True)
        lines[1::2] = sorted(lines[1::2])
        return "".join(lines)
    return re.sub(r"(?m)(^ +Named Argument #\d+\n.*\n)+", one, text)


def split_items(text):
    """Splits at the commas that are not inside brackets."""
    items, depth = [""], 0
    for part in re.split(r"(, |[\[({\x01\])}\x02])", text):
        depth += (part in list("[({\x01")) - (part in list("])}\x02")) if part else 0
        if part == ", " and depth == 0:
            items.append("")
        else:
            items[-1] += part
    return items


def sort_braces(text):
    """Sorts the items of every dict in the text of a value, the innermost first (\\x01 and \\x02: braces done)."""
    while True:
        m = re.search(r"\{([^{}]*)\}", text)
        if not m:
            return text.replace("\x01", "{").replace("\x02", "}")
        body, tail = m[1], ""
        if body.endswith(", \b\b"):
            body, tail = body[:-4], ", \b\b"
        text = text[:m.start()] + "\x01" + ", ".join(sorted(split_items(body))) + tail + "\x02" + text[m.end():]


def sort_dict_values(text):
    return re.sub(r"(?m)^( +Value: .*\{.*)$", lambda m: sort_braces(m[1]), text)


def first_difference(want, got):
    want, got = want.splitlines(keepends=True), got.splitlines(keepends=True)
    for i in range(max(len(want), len(got))):
        w, g = (x[i] if i < len(x) else "(end)" for x in (want, got))
        if w != g:
            return "line %d: expected %r, got %r" % (i + 1, w, g)
    return None


def check_order(text):
    """Where TensorFlow's order is left to chance ours is sorted."""
    if sort_sets(text) != text:
        return "a set of ops is not sorted"
    return "keyword-only arguments are not sorted" if sort_named_arguments(text) != text else None


def compare_text(want, got):
    """Compares what both printed.  Returns the first difference or None, and how many lines with a dict are equal only
    when their items are sorted."""
    if FUNCTIONS + " N/A (" in want:            # TensorFlow could not list the functions; we can
        want, _, _ = want.partition(FUNCTIONS)
        got, found, functions = got.partition(FUNCTIONS)
        if not found or " N/A " in functions:
            return "functions are not listed", 0
    problem = check_order(got)
    if problem:
        return problem, 0
    want = sort_named_arguments(sort_sets(want))
    difference = first_difference(sort_dict_values(want), sort_dict_values(got))
    if difference:
        return difference, 0
    return None, sum(a != b for a, b in zip(want.splitlines(), got.splitlines()))
