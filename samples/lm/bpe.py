"""A byte-level byte-pair encoding (Sennrich et al. 2016, over bytes as in GPT-2): training, encoding, and the JSON that the page reads.

Token 0 ends a text, tokens 1 … 256 are the bytes 0 … 255, later ones are pairs in the order in which they were merged."""

import json
import re
from collections import Counter
from functools import lru_cache

END = 0
FIRST_BYTE = 1
FIRST_PAIR = FIRST_BYTE + 256
#: Words with the space before them, numbers, runs of other signs, white space.
WORDS = re.compile(rb" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+")


def train(texts, vocabulary):
    words = Counter(word for text in texts for word in WORDS.findall(text.encode()))
    parts = {word: [FIRST_BYTE + byte for byte in word] for word in words}
    merges = []
    while FIRST_PAIR + len(merges) < vocabulary:
        pairs = Counter()
        for word, ids in parts.items():
            for pair in zip(ids, ids[1:]):
                pairs[pair] += words[word]
        # The most frequent pair; of several the one with the smallest tokens.
        pair = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(pair)
        for word, ids in parts.items():
            parts[word] = merge(ids, pair, FIRST_PAIR + len(merges) - 1)
    return merges


def merge(ids, pair, new):
    out, at = [], 0
    while at < len(ids):
        if at + 1 < len(ids) and (ids[at], ids[at + 1]) == pair:
            out.append(new)
            at += 2
        else:
            out.append(ids[at])
            at += 1
    return out


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.rank = {pair: at for at, pair in enumerate(self.merges)}
        self.word = lru_cache(maxsize=None)(self._word)

    def _word(self, word):
        ids = [FIRST_BYTE + byte for byte in word]
        while len(ids) > 1:
            pair = min(zip(ids, ids[1:]), key=lambda p: self.rank.get(p, 1 << 30))
            if pair not in self.rank:
                break
            ids = merge(ids, pair, FIRST_PAIR + self.rank[pair])
        return tuple(ids)

    def encode(self, text):
        return [token for word in WORDS.findall(text.encode()) for token in self.word(word)]

    def bytes_of(self, token):
        if token == END:
            return b""
        if token < FIRST_PAIR:
            return bytes([token - FIRST_BYTE])
        left, right = self.merges[token - FIRST_PAIR]
        return self.bytes_of(left) + self.bytes_of(right)

    def decode(self, tokens):
        return b"".join(self.bytes_of(token) for token in tokens).decode(errors="replace")

    def json(self):
        return json.dumps({"kind": "byte-bpe", "end": END, "firstByte": FIRST_BYTE, "merges": self.merges}, separators=(",", ":")) + "\n"
