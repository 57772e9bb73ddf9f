"""What check.py and count_arm.py share: their arguments, counts per token, and the file of counts that they compare with.

That file is {"compiler": ..., "instructions_per_token": counts}; what counts looks like is the script's matter.
"""

import json
import sys

SKIPPED = 77
ALLOWED_GROWTH = 0.05


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


class Counting:
    """One run of a script: what it was asked for, and its file."""

    def __init__(self, arguments, usage, script, counts_file, flags):
        """`flags` are the script's own beside --compiler=NAME; with any of them counts aren't compared."""
        self.script = script
        self.file = counts_file
        self.flags = {argument for argument in arguments if argument in flags}
        programs = [argument for argument in arguments if not argument.startswith("--")]
        compilers = [argument.split("=", 1)[1] for argument in arguments if argument.startswith("--compiler=")]
        if "--help" in arguments or len(programs) != 1 or len(arguments) != 1 + len(compilers) + len(self.flags):
            print(usage)
            sys.exit(0 if "--help" in arguments else 2)
        self.program = programs[0]
        self.compiler = compilers[-1] if compilers else "unknown"

    def expected(self):
        """The committed counts; skips where they are another compiler's, which says nothing of this one's."""
        committed = json.loads(self.file.read_text()) if self.file.exists() else {}
        if committed.get("compiler") != self.compiler:
            skip(f"the committed counts are of {committed.get('compiler', 'nobody')}, this build is of {self.compiler}")
        return committed["instructions_per_token"]

    def write(self, counts):
        content = {"compiler": self.compiler, "instructions_per_token": counts}
        self.file.write_text(json.dumps(content, indent=1) + "\n")

    def report(self, wrong):
        """The exit code for counts that have grown or are on one side only."""
        if not wrong:
            return 0
        print("\n".join([f"{self.script}: over {ALLOWED_GROWTH:.0%} more instructions, or not in {self.file.name}:", *wrong]))
        print(f"If that is meant: benchmarks/instruction_counts/{self.script} {self.program} "
              f"'--compiler={self.compiler}' --write")
        return 1


def change(now, before):
    """"", "grown", "shrunk", or "missing" for a count that is None on one side."""
    if now is None or before is None:
        return "missing"
    if now > before * (1 + ALLOWED_GROWTH):
        return "grown"
    return "shrunk" if now < before * (1 - ALLOWED_GROWTH) else ""


def per_token(counts):
    """Of {"MODEL prefill TOKENS": {part: instructions}, "MODEL prefill_and_decode TOKENS": ...}, where TOKENS are those of
    the last phase: {"MODEL prefill": {part: instructions per prompt token}, "MODEL decode": ... per generated token}."""
    result = {}
    for mark, parts in counts.items():
        model, phases, tokens = mark.split()
        phase, prompt = "prefill", {}
        if phases != "prefill":
            phase = "decode"
            prompt = next(found for other, found in counts.items() if other.startswith(f"{model} prefill "))
        result[f"{model} {phase}"] = {name: (parts.get(name, 0) - prompt.get(name, 0)) / int(tokens)
                                      for name in {*parts, *prompt}}
    return result
