"""Writes short English stories from a seed: the text that the sample's language model learns.

A story has a child or an animal, a place, a wish, a trouble, a helper and an end, and what is said early (a name, a colour, a thing) is taken up again
later, so that a model has to look back. Usage: python3 stories.py [COUNT] [SEED]"""

import random
import sys

GIRLS = "Anna Lily Mia Rosa Ella Nora Ivy Zoe Clara Ruth".split()
BOYS = "Tom Ben Max Sam Leo Finn Jack Theo Paul Oscar".split()
ANIMALS = "fox bear rabbit mouse duck owl frog hedgehog squirrel goat".split()
HELPERS = "grandmother|uncle|teacher|baker|farmer|neighbour|sailor|gardener|doctor|painter".split("|")
NATURES = "kind brave small quiet clever happy shy curious gentle cheerful".split()
COLOURS = "red blue green yellow white brown grey golden orange purple".split()
PLACES = [
    ("in", "the garden"), ("in", "the forest"), ("at", "the beach"), ("on", "the farm"), ("in", "the park"), ("by", "the river"),
    ("on", "the hill"), ("at", "the market"), ("by", "the lake"), ("in", "the kitchen"), ("in", "the old tower"), ("at", "the school"),
]
THINGS = "ball kite boat hat drum lamp book key bell cup box flute scarf coin shell".split()
FOODS = "apples bread soup honey berries cake cheese nuts pears plums".split()
WEATHER = [
    "The sun was warm.", "It was a windy day.", "It rained all morning.", "Snow lay on the ground.", "The sky was clear and blue.",
    "A thick fog came down.", "The air smelled of flowers.", "It was a cold evening.",
]
HIDING = ["under a tree", "behind a stone", "in a deep hole", "on a high branch", "in the tall grass", "under the bridge", "beside a wall", "in an old barn"]
FEELINGS = [("sad", "cried"), ("worried", "sighed"), ("tired", "sat down"), ("afraid", "ran away"), ("angry", "shouted"), ("lonely", "looked around")]
LESSONS = [
    "It is good to share.", "Friends help each other.", "A kind word costs nothing.", "You should never give up.", "Always tell the truth.",
    "It is fine to ask for help.", "Patience makes things easy.", "Small steps lead far.",
]


def a(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def cap(text):
    return text[0].upper() + text[1:]


class Story:
    def __init__(self, rng):
        self.r = rng
        kind = rng.random()
        if kind < 0.4:
            self.name, self.he, self.his, self.him, self.what = rng.choice(GIRLS), "she", "her", "her", "girl"
        elif kind < 0.8:
            self.name, self.he, self.his, self.him, self.what = rng.choice(BOYS), "he", "his", "him", "boy"
        else:
            animal = rng.choice(ANIMALS)
            self.name, self.he, self.his, self.him, self.what = f"the {animal}", "it", "its", "it", animal
        self.nature = rng.choice(NATURES)
        self.at, self.place = rng.choice(PLACES)
        self.colour, self.thing = rng.choice(COLOURS), rng.choice(THINGS)
        friend_girl = rng.random() < 0.5
        self.friend = rng.choice([n for n in (GIRLS if friend_girl else BOYS) if n != self.name])
        self.f_he, self.f_his = ("she", "her") if friend_girl else ("he", "his")
        self.helper = rng.choice(HELPERS)
        self.food = rng.choice(FOODS)
        self.feeling, self.act = rng.choice(FEELINGS)
        self.hiding = rng.choice(HIDING)

    def pick(self, *options):
        return self.r.choice(options)

    def opening(self):
        p, n = self.pick, cap(self.name)
        if self.name.startswith("the "):
            first = p(
                f"Once upon a time, there was {a(self.nature)} {self.what}.",
                f"{cap(a(self.nature))} {self.what} lived {self.at} {self.place}.",
                f"Long ago, {a(self.nature)} {self.what} lived {self.at} {self.place}.",
            )
        else:
            first = p(
                f"Once upon a time, there was {a(self.nature)} {self.what} named {n}.",
                f"{n} was {a(self.nature)} {self.what}.",
                f"There was once {a(self.nature)} {self.what} called {n}.",
                f"One day, {a(self.nature)} {self.what} named {n} was {self.at} {self.place}.",
            )
        second = p(
            f"{cap(self.he)} had {a(self.colour)} {self.thing}.",
            f"{cap(self.he)} loved {self.his} {self.colour} {self.thing}.",
            f"{cap(self.he)} liked to play {self.at} {self.place} with {self.his} {self.colour} {self.thing}.",
            f"Every day {self.he} took {self.his} {self.colour} {self.thing} to {self.place}.",
        )
        return [first, second]

    def lost(self):
        p = self.pick
        return [
            p(f"One day, the {self.thing} was gone.", f"But one morning {self.he} could not find the {self.thing}.", f"Then {self.he} lost the {self.thing} {self.at} {self.place}."),
            p(f"{cap(self.name)} was {self.feeling}.", f"{cap(self.name)} was very {self.feeling} and {self.act}."),
            p(f'"Where is my {self.thing}?" {self.he} asked.', f'"I want my {self.colour} {self.thing} back," {self.he} said.'),
            p(f"{self.friend} came and helped {self.him}.", f"The {self.helper} heard {self.him} and came to help.", f"{cap(self.he)} asked {self.friend} for help."),
            p(f"They looked {self.hiding}.", f"They looked everywhere for the {self.thing}.", f"They walked to {self.place} and looked {self.hiding}."),
            p(f"There was the {self.colour} {self.thing}!", f"At last they found the {self.thing} {self.hiding}."),
        ]

    def shared(self):
        p = self.pick
        return [
            p(f"{self.friend} came to {self.place}.", f"One day {self.he} met {self.friend} {self.at} {self.place}."),
            p(f'"Can I play with your {self.thing}?" asked {self.friend}.', f"{self.friend} wanted to have the {self.colour} {self.thing} too."),
            p(f'"No, it is mine," said {self.name}.', f"{cap(self.name)} did not want to share the {self.thing}."),
            p(f"{self.friend} was {self.feeling} and {self.act}.", f"So {self.friend} went home and was {self.feeling}."),
            p(f"Then {self.name} was sorry.", f'The {self.helper} said, "A good friend shares."'),
            p(f'"You can have the {self.thing} today," {self.he} said.', f"{cap(self.he)} gave the {self.thing} to {self.friend}."),
            p(f"They played with the {self.thing} until it was dark.", f"{self.friend} smiled and gave {self.him} some {self.food}."),
        ]

    def hungry(self):
        p = self.pick
        return [
            p(f"{cap(self.name)} was hungry.", f"One day there was no {self.food} in the house."),
            p(f"{cap(self.he)} walked to {self.place} to find some {self.food}.", f'"I want {self.food}," {self.he} said.'),
            p(f"On the way {self.he} met the {self.helper}.", f"The {self.helper} was {self.at} {self.place}."),
            p(f'"I will give you {self.food} for your {self.thing}," said the {self.helper}.', f"The {self.helper} had a lot of {self.food}."),
            p(f"{cap(self.name)} gave away the {self.colour} {self.thing}.", f"{cap(self.name)} helped the {self.helper} all day."),
            p(f"Then they ate the {self.food} together.", f"So {self.he} got the {self.food} and took them home to {self.friend}.", f"The {self.food} tasted very good."),
        ]

    def broken(self):
        p = self.pick
        return [
            p(f"One day, the {self.thing} fell down and broke.", f"A strong wind took the {self.thing} and it broke."),
            p(f"{cap(self.name)} was {self.feeling}.", f'"Oh no, my {self.thing}!" {self.he} cried.'),
            p(f"{cap(self.he)} went to the {self.helper}.", f"{self.friend} took {self.him} to the {self.helper}."),
            p(f'"Can you mend my {self.thing}?" {self.he} asked.', f'"Please help me," said {self.name}.'),
            p(f"The {self.helper} worked all night.", f'"Yes," said the {self.helper}, "but you must help me."'),
            p(f"In the morning the {self.thing} was like new.", f"Soon the {self.colour} {self.thing} was whole again."),
        ]

    def ending(self):
        p = self.pick
        last = p(
            f"{cap(self.name)} was happy.", f"{cap(self.name)} smiled and went home.", f'"Thank you," said {self.name}.',
            f"From that day on, {self.name} and {self.friend} were friends.", f"That night {self.name} slept well.",
        )
        return [last] + ([self.r.choice(LESSONS)] if self.r.random() < 0.5 else [])

    def text(self):
        body = self.pick(self.lost, self.shared, self.hungry, self.broken)()
        weather = [self.r.choice(WEATHER)] if self.r.random() < 0.4 else []
        return " ".join([*self.opening(), *weather, *body, *self.ending()])


def stories(count, seed):
    rng = random.Random(seed)
    return [Story(rng).text() for _ in range(count)]


if __name__ == "__main__":
    count, seed = (int(v) for v in (sys.argv[1:] + ["5", "1"][len(sys.argv) - 1 :]))
    print("\n\n".join(stories(count, seed)))
