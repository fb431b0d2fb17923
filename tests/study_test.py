"""Tests of scripts/study.py and scripts/study_table.py: python3 tests/study_test.py"""
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts"))
import study  # noqa: E402
import study_table  # noqa: E402

study_table.RESAMPLES = 2000  # enough for the tolerances below


def rows(count):
    """Problems of 2, 3 and 4 lines, all short."""
    return [{"id": f"p{i}", "problem": "x", "answer": "1", "solution": "\n".join("abcd"[:2 + i % 3])}
            for i in range(count)]


def replicate(seed, **arms):
    """Numbers of one replicate: of each arm the correct ones of 64 samples of the problems trained on."""
    return {"seed": seed, "cpu_seconds": {},
            "evaluations": {arm: {"trained": {"samples": 64, "correct": {f"s{seed}-{i}": c for i, c in enumerate(counts)}}}
                            for arm, counts in arms.items()}}


class Split(unittest.TestCase):
    def test_no_problem_is_a_candidate_twice_or_seen_by_any_base(self):
        everything = rows(3000)
        splits = [study.split(everything, seed) for seed in range(study.MOST_SEED + 1)]
        candidates = [row["id"] for _, part in splits for row in part]
        self.assertEqual(len(candidates), (study.MOST_SEED + 1) * study.SIZES["candidates"])
        self.assertEqual(len(candidates), len(set(candidates)))
        self.assertFalse(set(candidates) & {row["id"] for sft, _ in splits for row in sft})

    def test_candidates_have_lines_to_cut_and_long_problems_are_left_out(self):
        everything = rows(3000)
        for row in everything[:1500]:
            row["problem"] = "x" * (study.PROBLEM + 1)
        sft, candidates = study.split(everything * 2, 1)
        self.assertTrue(all(row["problem"] == "x" for row in sft + candidates))
        self.assertTrue(all(row["solution"].count("\n") >= study.LINES - 1 for row in candidates))

    def test_a_split_is_a_function_of_the_seed(self):
        self.assertEqual(study.split(rows(3000), 2), study.split(rows(3000), 2))
        self.assertEqual(study.split(rows(3000), 2)[0], study.split(rows(3000), 3)[0])

    def test_published_rows_are_read_as_pope_reads_them(self):
        row = study.own_form({"question": "How many? ", "answer": "It is 2+2=<<2+2=4>>4.\n#### 1,004"}, "gsm8k-train-7")
        self.assertEqual(row, {"id": "gsm8k-train-7", "problem": "How many?", "answer": "1,004",
                               "solution": "It is 2+2=4."})

    def test_every_other_row_has_a_proper_prefix(self):
        for i, row in enumerate(study.with_prefixes(rows(60))):
            self.assertEqual("guidance" in row, i % 2 == 1)
            if "guidance" in row:
                text = row["guidance"]["text"]
                self.assertTrue(row["solution"].startswith(text + "\n"))
                self.assertAlmostEqual(row["guidance"]["fraction"], len(text) / len(row["solution"]))


class Chosen(unittest.TestCase):
    def test_the_best_opened_are_trained_on_and_the_first_others_held_out(self):
        def row(name, correct, fallback=False):
            return {"id": name, "guidance": {"correct": correct, **({"fallback": True} if fallback else {})}}

        opened = [row(f"opened-{i}", 1 + i % 3) for i in range(study.SIZES["trained"] + 1)]
        shut = [row(f"shut-{i}", 0, True) for i in range(study.SIZES["heldout"] + 1)]
        trained, heldout = study.chosen([shut[0], *opened, *shut[1:]])
        self.assertEqual(len(trained), study.SIZES["trained"])
        left_out = [row["id"] for row in opened if row not in trained]
        self.assertEqual(left_out, ["opened-9"])  # the last of those with one correct sample
        self.assertEqual([row["id"] for row in heldout], ["shut-0", *left_out, "shut-1", "shut-2", "shut-3", "shut-4"])


class Table(unittest.TestCase):
    def test_pass_at_k(self):
        self.assertAlmostEqual(study_table.pass_at_k(4, 1, 2), 0.5)  # 1 - C(3, 2) / C(4, 2)
        self.assertEqual(study_table.pass_at_k(64, 0, 32), 0)
        self.assertEqual(study_table.pass_at_k(64, 60, 8), 1)

    def test_differences_are_paired_by_problem(self):
        seeds = [replicate(1, pope=[64, 0], grpo=[0, 64])]
        self.assertEqual(study_table.difference(seeds, "pope", "grpo", "trained", 8), [[1, -1]])
        self.assertEqual(study_table.difference([replicate(1, pope=[1])], "pope", "grpo", "trained", 8), [])

    def test_the_interval_covers_seeds_from_three_on(self):
        draw = random.Random(1)
        self.assertEqual(study_table.interval([[0, 0], [1, 1]], draw), (0.5, 0.5))
        low, high = study_table.interval([[0, 0], [0.5, 0.5], [1, 1]], draw)
        self.assertEqual((low, high), (0, 1))
        # Of 100 problems half of which are solved: 0.5 ± 1.96 · 0.05.
        low, high = study_table.interval([[0, 1] * 50], draw)
        self.assertAlmostEqual(low, 0.40, delta=0.02)
        self.assertAlmostEqual(high, 0.60, delta=0.02)

    def test_the_rule(self):
        better, same = dict(pope=[64] * 8, grpo=[0] * 8), dict(pope=[0] * 8, grpo=[0] * 8)
        mixed = dict(pope=[64] * 4 + [0] * 4, grpo=[0] * 4 + [64] * 4)
        self.assertIn("open: 2 of", study_table.verdict([replicate(s, **better) for s in (1, 2)]))
        self.assertIn("held", study_table.verdict([replicate(s, **better) for s in (1, 2, 3)]))
        self.assertIn("refuted", study_table.verdict([replicate(s, **same) for s in (1, 2, 3)]))
        self.assertIn("undecided", study_table.verdict([replicate(s, **mixed) for s in (1, 2, 3)]))

    def test_the_page_is_changed_between_its_marks_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "page.md")
            with open(path, "w", encoding="utf-8") as page:
                page.write("before\n<!-- table -->\nold\n<!-- end -->\nafter\n")
            study_table.put_into(path, "new\n")
            with open(path, encoding="utf-8") as page:
                self.assertEqual(page.read(), "before\n<!-- table -->\nnew\n<!-- end -->\nafter\n")

    def test_arms_that_are_missing_are_left_out(self):
        text = study_table.tables([replicate(1, base=[0, 1], grpo=[0, 0]), replicate(2, base=[0, 0])])
        self.assertIn("| GRPO | 1 |", text)
        self.assertIn("| base model | 2 |", text)
        self.assertNotIn("POPE, prefix in the prompt", text)


if __name__ == "__main__":
    unittest.main()
