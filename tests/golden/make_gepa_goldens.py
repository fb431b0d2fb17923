"""What gepa (PyPI, 0.1.4) makes of two toys, for tests/evolve/gepa_package_test.cpp: evolve_gepa.json.

    python tests/golden/make_gepa_goldens.py [--check]

Needs the package gepa. With --check nothing is written: the package is run again and compared with the committed file; where
the package is missing, that is said and nothing is compared. The toys need no model: an evaluation is a function of texts and
instance, and a reflection one of text and records.

ladder: no draw matters, since every accepted candidate dominates those before it and a minibatch is all there is to learn from.
  The texts of a and b are numbers, and a reflection proposes the next one. a = 2 is no better than a = 1, so a stays there.
letters: texts are spelled letter by letter towards red, sun and sea; a reflection corrects the first letter of its component that
  an instance of the minibatch finds wrong. Ways differ by seed, the best candidate does not.
Beside them what two of its functions give on random input:
fronts: who is left of the fronts of random scores when dominated candidates are out.
merges: all merges (first, second, ancestor, texts) that are ever drawn from random families, but those that give a candidate
  again.
"""

import argparse
import json
import logging
import random
import sys
from pathlib import Path

FILE = Path(__file__).parent / "evolve_gepa.json"
TARGETS = {"a": "red", "b": "sun", "c": "sea"}


def ladder_score(texts, instance):
    a, b = int(texts["a"]), int(texts["b"])
    return {
        "f-a": [0, 0.5, 0.5, 1][min(a, 3)],
        "f-b": min(b, 3) / 4,
        "f-never": 0,
        "d-a1": float(a >= 1),
        "d-b1": float(b >= 1),
        "d-b2": float(b >= 2),
        "d-b3": float(b >= 3),
        "d-never": 0,
    }[instance]


def ladder_reply(text, component, failed):
    return str(int(text) + 1)


def letters_score(texts, instance):
    component, place = instance[0], int(instance[1])
    return float(texts[component][place] == TARGETS[component][place])


def letters_reply(text, component, failed):
    for instance in sorted(failed):
        if instance[0] == component:
            place = int(instance[1])
            return text[:place] + TARGETS[component][place] + text[place + 1:]
    return text


def run(score, reply, seed_texts, feedback, dev, budget, seed, merge):
    import gepa
    from gepa.core.adapter import EvaluationBatch

    pairs = set()

    class Adapter:
        def evaluate(self, batch, candidate, capture_traces=False):
            pairs.update((tuple(sorted(candidate.items())), instance) for instance in batch)
            scores = [score(candidate, instance) for instance in batch]
            return EvaluationBatch(outputs=list(batch), scores=scores, trajectories=list(batch))

        def make_reflective_dataset(self, candidate, evaluation, components):
            failed = [i for i, s in zip(evaluation.outputs, evaluation.scores) if s < 1]
            return {component: [{"failed": failed}] for component in components}

        def propose_new_texts(self, candidate, records, components):
            return {c: reply(candidate[c], c, records[c][0]["failed"]) for c in components}

    result = gepa.optimize(
        seed_candidate=seed_texts, trainset=feedback, valset=dev, adapter=Adapter(), reflection_minibatch_size=3,
        max_metric_calls=budget, seed=seed, use_merge=merge, max_merge_invocations=5, logger=Quiet())
    return result, len(pairs)


class Quiet:
    def log(self, message):
        pass


def fronts():
    from gepa.gepa_utils import remove_dominated_programs

    cases = []
    rng = random.Random(1)
    while len(cases) < 40:
        scores = [[rng.choice([0, 0.25, 0.5, 1]) for _ in range(5)] for _ in range(6)]
        means = [sum(row) / 5 for row in scores]
        if len(set(means)) < 6:
            continue  # who goes first among equals is not said anywhere
        best = [max(column) for column in zip(*scores)]
        front = {k: {i for i in range(6) if scores[i][k] == best[k]} for k in range(5)}
        left = remove_dominated_programs(front, scores=means)
        cases.append({"scores": scores, "left": [sorted(left[k]) for k in range(5)]})
    return cases


def merges():
    from gepa.proposer.merge import sample_and_attempt_merge_programs_by_common_predictors as draw

    cases = []
    rng = random.Random(2)
    for _ in range(12):
        texts = [{"a": "0", "b": "0", "c": "0"}]
        parents = [[]]
        scores = [[rng.choice([0.25, 0.5, 1]) for _ in range(4)]]
        for i in range(1, 7):
            parent = rng.randrange(i)
            component = rng.choice("abc")
            parents.append([parent])
            texts.append({**texts[parent], component: str(i)})
            scores.append([rng.choice([0.25, 0.5, 1]) for _ in range(4)])
        drawn = set()
        for seed in range(1500):
            merge = draw([sum(row) / 4 for row in scores], random.Random(seed), list(range(7)), ([], []), texts, parents)
            if merge is not None and merge[0] not in texts:
                drawn.add((*merge[1:], tuple(merge[0][c] for c in "abc")))
        cases.append({"texts": texts, "parents": parents, "scores": scores, "drawn": sorted(drawn)})
    return cases


def goldens():
    ladder, pairs = run(ladder_score, ladder_reply, {"a": "0", "b": "0"}, ["f-a", "f-b", "f-never"],
                        ["d-a1", "d-b1", "d-b2", "d-b3", "d-never"], 200, 0, False)
    letters = []
    names = [component + str(place) for component in "abc" for place in range(3)]
    for seed in range(1, 9):
        result, _ = run(letters_score, letters_reply, {"a": "...", "b": "...", "c": "..."}, names, names, 1500, seed, True)
        letters.append({"seed": seed, "best": result.best_candidate, "candidates": len(result.candidates)})
    return {
        "ladder": {
            "candidates": ladder.candidates,
            "parents": [[p for p in parents if p is not None] for parents in ladder.parents],
            "means": ladder.val_aggregate_scores,
            "best": ladder.best_idx,
            "evaluated": pairs,
        },
        "letters": letters,
        "fronts": fronts(),
        "merges": merges(),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    logging.disable(logging.CRITICAL)
    try:
        import gepa  # noqa: F401
    except ImportError:
        print("skipped: the package gepa is not installed (pip install gepa==0.1.4)")
        return
    parts = [f'"{name}": {json.dumps(value)}' for name, value in goldens().items()]
    text = "{" + ",\n ".join(parts) + "}\n"
    if not check:
        FILE.write_text(text)
    elif text != FILE.read_text():
        sys.exit(f"FAILED: gepa gives another result than {FILE.name}:\n{text}")
    print(f"{FILE.name}: {'the same' if check else 'written'}")


if __name__ == "__main__":
    main()
