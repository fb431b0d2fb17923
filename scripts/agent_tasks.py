#!/usr/bin/env python3
"""Tasks with real checks for `pope agent`, of eight types, by a seed: scripts/agent_tasks.py SEED --each 26 --out tasks.jsonl
[--traces traces.jsonl].

All are done in one message, for a model too small to use tools: a number, a text, a file, a function, or shell commands, which
the check runs (with agent.sandbox=true) and whose effects it looks at. Seven types are chores. The eighth, house_code, goes by
a rule that no instruction states. The traces are those of a senior, two of each type, on tasks of another seed; only these
state the rule. The tasks of a seed are the same on every machine. docs/agent.md says what they were used for.
"""
import argparse
import json
import random
import string

NAMES = "anna bert carl dora emil fred gina hans ida jens kurt lena mona nils olga paul rosa sven tina udo vera willi".split()
WORDS = ("apple bread cloud door engine forest garden house island jacket kettle ladder market needle orange pencil quiet river "
         "silver table umbrella valley window yellow zebra candle bridge copper dragon field").split()

# The answer is what stands in the last fenced block, or all. What it is meant to be is judged by what it does.
READ = '''import json, os, re, subprocess
CHECK = os.environ["CHECK"]
text = open(CHECK + "/answer.txt").read()
blocks = re.findall("```[a-z]*\\n(.*?)```", text, re.S)
answer = (blocks[-1] if blocks else text).strip().strip("`").strip()
expected = open(CHECK + "/expected.txt").read().strip()
def printed(*command):
    run = subprocess.run(command, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
    return run.stdout.strip()
'''
CHECKS = {
    "text": READ + "found = answer.strip('\"')\n",
    "shell": READ + 'found = printed("sh", "-c", answer)\n',
    "files": READ + '''printed("sh", "-c", answer)
paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(".") for name in names)
found = "\\n".join(path + " " + open(path).read().strip() for path in paths)
''',
    "json": READ + "found, expected = json.loads(answer), json.loads(expected)\n",
    "python": READ + '''open("solution.py", "w").write(answer + "\\n")
found = (printed("python3", CHECK + "/call.py").splitlines() or [""])[-1]
'''}


def check(kind, expected, **files):
    program = CHECKS[kind] + 'print("found", found)\nraise SystemExit(found != expected)\n'
    return {"command": 'python3 "$CHECK/check.py"',
            "files": {"check.py": program, "expected.txt": expected + "\n", **{f"{name}.py": text for name, text in files.items()}}}


def arithmetic(r):
    a, b, c = r.randint(12, 99), r.randint(3, 12), r.randint(10, 99)
    text, value = r.choice([(f"{a} * {b} + {c}", a * b + c), (f"{a} + {b} * {c}", a + b * c), (f"{a + c} - {c} + {b}", a + b),
                            (f"({a} + {c}) * {b}", (a + c) * b), (f"{a * b} / {b} + {c}", a + c)])
    steps = ["Take the operations one by one: brackets first, then * and /, then + and -.", "Write down each result before the next.", f"{text} = {value}."]
    return {"instruction": f"What is {text}?", "check": {"answer": str(value)}}, steps, value


def counting(r):
    words = r.sample(WORDS, r.randint(4, 7))
    text = " ".join(words)
    letter = r.choice([c for c in "aeilnr" if c in text])
    question, value = r.choice([(f"How often does the letter {letter} stand in", text.count(letter)), ("How many words are in", len(words)),
                                ("How many letters, without spaces, are in", len("".join(words)))])
    steps = ["Go through the text word by word and write down a number for each: 1 for a word, or how many of the letters it has.",
             "Add up the numbers.", f"Together {value}."]
    return {"instruction": f'{question} the text "{text}"?', "check": {"answer": str(value)}}, steps, value


def strings(r):
    words = r.sample(WORDS, 4)
    text = " ".join(words)
    what, value = r.choice([("in capital letters", text.upper()), ("with its words in reverse order", " ".join(words[::-1])),
                            ("with a dash in place of each space", "-".join(words)), ("with its words in alphabetical order", " ".join(sorted(words))),
                            ("without its first word", " ".join(words[1:])), ("with each letter e replaced by 3", text.replace("e", "3"))])
    steps = ["Write the words of the text below each other.", "Change their order, or each of them, as the task says.", "Put them together again, without quotes or anything else."]
    return {"instruction": f'Give the text "{text}" {what}, and nothing else.', "check": check("text", value)}, steps, value


def files(r):
    names = r.sample(NAMES, 4)
    there = {f"{name}.{r.choice(['txt', 'log', 'tmp'])}": r.choice(WORDS) for name in names[:3]}
    first, word = sorted(there)[0], r.choice(WORDS)
    after = dict(there)
    kind = r.randrange(5)
    if kind == 0:
        what, command = f"rename the file {first} to {names[3]}.md", f"mv {first} {names[3]}.md"
        after[f"{names[3]}.md"] = after.pop(first)
    elif kind == 1:
        what, command = f"copy the file {first} to {names[3]}.bak", f"cp {first} {names[3]}.bak"
        after[f"{names[3]}.bak"] = after[first]
    elif kind == 2:
        what, command = f"make a folder {word} and move the file {first} into it", f"mkdir {word} && mv {first} {word}/"
        after[f"{word}/{first}"] = after.pop(first)
    elif kind == 3:
        there["old.tmp"] = after["old.tmp"] = word
        what, command = "delete all files whose names end in .tmp, and no others", "rm -f *.tmp"
        after = {name: text for name, text in after.items() if not name.endswith(".tmp")}
    else:
        what, command = f"write the word {word} into a new file {names[3]}.txt", f"echo {word} > {names[3]}.txt"
        after[f"{names[3]}.txt"] = word
    listing = "\n".join(f"./{name} {after[name]}" for name in sorted(after, key=lambda name: "./" + name))
    steps = ["One or two of the commands mv, cp, mkdir, rm, echo do it; file names as the task spells them.", "The answer is the commands alone, no words.", command]
    return {"instruction": f"Give the shell commands that {what}.", "files": {name: text + "\n" for name, text in there.items()},
            "check": check("files", listing)}, steps, command


def shell(r):
    lines = [f"{r.choice(['error', 'info', 'warning'])} {r.choice(NAMES)} {r.randint(1, 99)}" for _ in range(r.randint(8, 14))]
    numbers = [int(line.split()[2]) for line in lines]
    word, n = lines[0].split()[0], r.randint(2, 6)
    what, value, command = r.choice([
        (f"how many lines contain the word {word}", sum(word in line for line in lines), f"grep -c {word} log.txt"),
        ("how many lines there are, the number alone", len(lines), "wc -l < log.txt"), (f"line {n}", lines[n - 1], f"sed -n {n}p log.txt"),
        ("the largest number of the third column", max(numbers), "awk '{print $3}' log.txt | sort -n | tail -n 1"),
        ("the sum of the third column", sum(numbers), "awk '{s += $3} END {print s}' log.txt"),
        (f"the lines that contain {word}", "\n".join(line for line in lines if word in line), f"grep {word} log.txt"),
        ("the first words of all lines", "\n".join(line.split()[0] for line in lines), "cut -d ' ' -f 1 log.txt")])
    steps = ["grep finds lines and grep -c counts them, sed -n 3p prints a line, awk '{print $2}' a column; wc -l < FILE prints a number alone.",
             "The answer is the command alone, with the name of the file.", command]
    return {"instruction": f"The file log.txt has lines such as \"{lines[0]}\". Give a shell command that prints of it: {what}.",
            "files": {"log.txt": "".join(line + "\n" for line in lines)}, "check": check("shell", str(value))}, steps, command


def json_edits(r):
    config = {"name": r.choice(NAMES), "port": r.randint(1000, 9000), "debug": r.random() < 0.5, "hosts": r.sample(WORDS, 2)}
    after = json.loads(json.dumps(config))
    kind, word, number = r.randrange(5), r.choice(WORDS), r.randint(1000, 9000)
    if kind == 0:
        what, after["port"] = f'with "port" set to {number}', number
    elif kind == 1:
        what, after["name"] = f'with "name" set to "{word}"', word
    elif kind == 2:
        what, after["hosts"] = f'with "{word}" at the end of the list "hosts"', config["hosts"] + [word]
    elif kind == 3:
        what, after["color"] = f'with the key "color" and the value "{word}" added', word
    else:
        what = 'without the key "debug"'
        del after["debug"]
    steps = ["Copy the object and change only what the task names.", "The answer is one JSON object, no words around it.", json.dumps(after)]
    return {"instruction": f"Give this JSON object {what}, and nothing else: {json.dumps(config)}", "check": check("json", json.dumps(after))}, steps, json.dumps(after)


def python(r):
    name = "".join(r.choice(string.ascii_lowercase) for _ in range(4)) + "_it"
    k = r.randint(2, 9)
    signature, what, cases, call, body = r.choice([
        ("x", f"x times {k} plus 1", [(1,), (0,), (-3,)], lambda x: x * k + 1, f"x * {k} + 1"),
        ("x", f"whether x is divisible by {k}", [(k,), (k + 1,), (0,)], lambda x: x % k == 0, f"x % {k} == 0"),
        ("xs", "the sum of the squares of the list xs", [([1, 2, 3],), ([],)], lambda xs: sum(x * x for x in xs), "sum(x * x for x in xs)"),
        ("s", "the string s backwards", [("abc",), ("",)], lambda s: s[::-1], "s[::-1]"),
        ("s", "the number of vowels (a, e, i, o, u) in the lower-case string s", [("banana",), ("sky",)], lambda s: sum(c in "aeiou" for c in s), 'sum(c in "aeiou" for c in s)'),
        ("xs", f"the list xs without elements that are below {k}", [([1, k, 20],), ([0],)], lambda xs: [x for x in xs if x >= k], f"[x for x in xs if x >= {k}]"),
        ("a, b", "the larger of a and b, less the smaller", [(3, 8), (8, 3), (2, 2)], lambda a, b: abs(a - b), "abs(a - b)")])
    program = f"import json, runpy\nf = runpy.run_path('solution.py')['{name}']\nprint(json.dumps([f(*case) for case in {cases!r}]))\n"
    code = f"def {name}({signature}):\n    return {body}"
    steps = ["Write one function with the name and the arguments that the task gives.", "It returns the value and prints nothing; there are no examples behind it.", code]
    return {"instruction": f"Give a Python function {name}({signature}) that returns {what}.",
            "check": check("python", json.dumps([call(*case) for case in cases]), call=program)}, steps, code


def house_code(r):
    a, b = r.randint(4, 20), r.randint(2, 30)
    value = 3 * a + b
    steps = [f"The house code of A and B is 3 times A, plus B. Here A = {a} and B = {b}.", f"3 times {a} is {3 * a}.", f"{3 * a} plus {b} is {value}."]
    return {"instruction": f"What is the house code of {a} and {b}?", "check": {"answer": str(value)}}, steps, value


TYPES = {"arithmetic": arithmetic, "counting": counting, "strings": strings, "files": files, "shell": shell, "json": json_edits,
         "python": python, "house_code": house_code}


def generated(seed, each):
    """(type, number, task, steps, answer), no task twice."""
    seen = set()
    for number in range(each):
        for kind, make in TYPES.items():
            r = random.Random(f"{seed} {kind} {number}")
            task, steps, answer = make(r)
            while json.dumps(task) in seen:
                task, steps, answer = make(r)
            seen.add(json.dumps(task))
            yield kind, number, task, steps, answer


def write(path, rows):
    with open(path, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", type=int)
    parser.add_argument("--each", type=int, default=26, help="tasks of each type")
    parser.add_argument("--out", required=True)
    parser.add_argument("--traces", help="traces of a senior")
    arguments = parser.parse_args()
    tasks = list(generated(arguments.seed, arguments.each))
    write(arguments.out, [{"id": f"{kind}-{number}", "type": kind, **task} for kind, number, task, _, _ in tasks])
    if arguments.traces:
        instructions = {task["instruction"] for _, _, task, _, _ in tasks}
        write(arguments.traces, [{"type": kind, "source": "senior", "steps": [f"The task was: {task['instruction']}"] + steps + [f"```finish\n{answer}\n```"]}
                                 for kind, _, task, steps, answer in generated(f"{arguments.seed} senior", 2) if task["instruction"] not in instructions])


if __name__ == "__main__":
    main()
