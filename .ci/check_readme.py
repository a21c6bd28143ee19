#!/usr/bin/env python3
"""Does README.md tell the truth?

    check_readme.py BUILD_DIR [README]

Plays the console blocks of the README: lines after "$ " (and "> ") are a command, the lines below it what it must print.
The c and cpp blocks become the file that the next command names.  build/ stands for BUILD_DIR; pkg-config has to find an
installed library.
"""
import os
import re
import subprocess
import sys
import tempfile


def commands(block):
    """The commands of a console block, each with the text that follows it."""
    for part in re.split(r"(?m)^\$ ", block)[1:]:
        lines = part.splitlines(keepends=True)
        n = 1
        while n < len(lines) and lines[n].startswith("> "):
            n += 1
        yield "".join(line[2:] if i else line for i, line in enumerate(lines[:n])), "".join(lines[n:])


def main(build, readme):
    with open(readme, encoding="utf-8") as f:
        blocks = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", f.read())
    tests = os.path.join(os.path.dirname(os.path.abspath(readme)), "tests")
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(os.path.abspath(build), os.path.join(folder, "build"))
        os.symlink(tests, os.path.join(folder, "tests"))
        source = None
        for language, text in blocks:
            if language != "console":
                source = text
                continue
            for command, expected in commands(text):
                name = re.search(r"\S+\.c(pp)?\b", command)
                if source and name:
                    with open(os.path.join(folder, name[0]), "w", encoding="utf-8") as f:
                        f.write(source)
                    source = None
                printed = subprocess.run(command, shell=True, cwd=folder, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, encoding="utf-8").stdout
                passed, failed = passed + (printed == expected), failed + (printed != expected)
                if printed != expected:
                    print("FAIL $ %s-- README:\n%s-- printed:\n%s" % (command, expected, printed))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else os.path.join(here, "..", "README.md")))
