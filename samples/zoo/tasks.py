"""Small synthetic classification tasks that a bag of tokens cannot solve.

Token 0 is padding and token 1 stands at position 0 (a CLS token); tasks use the ids from 2 up.
Every task is a function (generator, count, sequence length, vocabulary, classes) -> (tokens, labels).
"""

import numpy as np

PAD, CLS, FIRST = 0, 1, 2


def before(rng, count, length, vocabulary, classes):
    """Does token A (2) occur before token B (3)? Both occur once."""
    tokens = rng.integers(FIRST + 2, vocabulary, (count, length))
    labels = rng.integers(0, 2, count)
    for row, label in zip(tokens, labels):
        first, second = np.sort(rng.choice(np.arange(1, length), 2, replace=False))
        row[first], row[second] = (2, 3) if label else (3, 2)
    return tokens, labels


def first_marked(rng, count, length, vocabulary, classes):
    """Which of the tokens 2 … 2+classes-1 comes first? Two different ones occur, up to three times each."""
    tokens = rng.integers(FIRST + classes, vocabulary, (count, length))
    labels = rng.integers(0, classes, count)
    for row, label in zip(tokens, labels):
        other = (label + rng.integers(1, classes)) % classes
        places = np.sort(rng.choice(np.arange(1, length), rng.integers(2, 7), replace=False))
        row[places] = FIRST + rng.choice([label, other], len(places))
        row[places[0]], row[places[-1]] = FIRST + label, FIRST + other
    return tokens, labels


def majority(rng, count, length, vocabulary, classes):
    """Of the class tokens that follow a mark (token 2), which class is the most frequent?

    Unmarked class tokens are distractors drawn for the benefit of another class.
    """
    base = FIRST + 1
    tokens = rng.integers(base + classes, vocabulary, (count, length))
    labels = rng.integers(0, classes, count)
    slots = np.arange(1, length - 1, 2)
    for row, label in zip(tokens, labels):
        used = rng.permutation(slots)[: min(len(slots), 9)]
        marked = max(3, len(used) * 2 // 3)
        others = [c for c in range(classes) if c != label]
        wrong = rng.integers(0, (marked - 1) // 2 + 1)
        row[used[:marked]] = 2
        row[used[: marked - wrong] + 1] = base + label
        row[used[marked - wrong : marked] + 1] = base + rng.choice(others, wrong)
        row[used[marked:] + 1] = base + rng.choice(others)
    return tokens, labels


def pattern(rng, count, length, vocabulary, classes):
    """Does the run 2 3 4 occur? Otherwise the same three tokens stand elsewhere or in another order."""
    tokens = rng.integers(FIRST + 3, vocabulary, (count, length))
    labels = rng.integers(0, 2, count)
    for row, label in zip(tokens, labels):
        start = rng.integers(1, length - 3)
        if label:
            row[start : start + 3] = (2, 3, 4)
        elif rng.random() < 0.5:
            row[start : start + 3] = ((3, 2, 4), (4, 3, 2), (2, 4, 3), (3, 4, 2), (4, 2, 3))[rng.integers(5)]
        else:
            row[rng.choice(np.arange(1, length), 3, replace=False)] = (2, 3, 4)
    return tokens, labels


def repeated(rng, count, length, vocabulary, classes):
    """Is one of eight special tokens (2 … 9) repeated? Two or three of them occur."""
    tokens = rng.integers(FIRST + 8, vocabulary, (count, length))
    labels = rng.integers(0, 2, count)
    for row, label in zip(tokens, labels):
        kinds = FIRST + rng.choice(8, 3, replace=False)
        if label:
            kinds[rng.integers(1, 3)] = kinds[0]
        row[rng.choice(np.arange(1, length), 3, replace=False)] = kinds
    return tokens, labels


TASKS = {f.__name__: f for f in (before, first_marked, majority, pattern, repeated)}


def token_batch(variant, count, seed):
    """Tokens [count, S] (int64) and labels [count]; padded variants use the last part of a row as padding."""
    rng = np.random.default_rng(seed)
    length = variant.S
    task = TASKS[variant.task]
    if not variant.padded:
        tokens, labels = task(rng, count, length, variant.V, variant.C)
    else:
        tokens = np.zeros((count, length), np.int64)
        labels = np.zeros(count, np.int64)
        lengths = rng.integers(length // 2, length + 1, count)
        for used in np.unique(lengths):
            rows = np.flatnonzero(lengths == used)
            part, labels[rows] = task(rng, len(rows), int(used), variant.V, variant.C)
            tokens[rows, :used] = part
    tokens[:, 0] = CLS
    return tokens.astype(np.int64), labels.astype(np.int64)


def batch(variant, count, seed):
    """One batch in the variant's own input type: token ids, or a noisy feature vector for each token."""
    tokens, labels = token_batch(variant, count, seed)
    if not variant.features:
        return tokens.astype(variant.token_type), labels
    codebook = np.random.default_rng(7).normal(size=(variant.V, variant.features))
    noise = np.random.default_rng(seed + 1).normal(scale=0.2, size=(count, variant.S, variant.features))
    return (codebook[tokens] + noise).astype(np.float32), labels
