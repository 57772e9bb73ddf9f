"""The small world that the chat model knows: facts as data, questions and answers as templates.

chats.py turns these into turns. Each maker takes a random generator and returns (question, answer);
FACTS lists all of them. Everything else is politely declined, see UNKNOWN_QUESTIONS.
"""

SOUNDS = {
    "dog": "woof",
    "cat": "meow",
    "cow": "moo",
    "sheep": "baa",
    "duck": "quack",
    "pig": "oink",
    "horse": "neigh",
    "lion": "roar",
    "bee": "buzz",
    "owl": "hoot",
    "frog": "ribbit",
    "mouse": "squeak",
}
BABIES = {
    "dog": "puppy",
    "cat": "kitten",
    "cow": "calf",
    "sheep": "lamb",
    "duck": "duckling",
    "bear": "cub",
    "frog": "tadpole",
    "hen": "chick",
}
ANIMAL_HOMES = {
    "bee": "a hive",
    "bird": "a nest",
    "fox": "a den",
    "bear": "a cave",
    "spider": "a web",
    "cow": "a barn",
    "horse": "a stable",
    "fish": "the water",
}
LEGS = {
    "dog": "four",
    "cat": "four",
    "bird": "two",
    "spider": "eight",
    "bee": "six",
    "cow": "four",
    "fish": "no",
    "duck": "two",
}
COLOURS = {
    "the sky": "blue",
    "grass": "green",
    "the sun": "yellow",
    "snow": "white",
    "a banana": "yellow",
    "an orange": "orange",
    "a carrot": "orange",
    "a strawberry": "red",
    "a lemon": "yellow",
    "milk": "white",
    "a frog": "green",
    "chocolate": "brown",
    "the sea": "blue",
}
OPPOSITES = [
    ("big", "small"),
    ("hot", "cold"),
    ("up", "down"),
    ("day", "night"),
    ("happy", "sad"),
    ("fast", "slow"),
    ("open", "closed"),
    ("wet", "dry"),
    ("old", "young"),
    ("light", "dark"),
    ("good", "bad"),
    ("full", "empty"),
    ("loud", "quiet"),
    ("hard", "soft"),
    ("long", "short"),
    ("clean", "dirty"),
]
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = """January February March April May June July August September October November
December""".split()
SEASONS = ["spring", "summer", "autumn", "winter"]
NUMBERS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen twenty""".split()
USES = {
    "a pen": "writing",
    "a spoon": "eating soup",
    "a bed": "sleeping",
    "an umbrella": "staying dry in the rain",
    "a key": "opening a door",
    "a clock": "telling the time",
    "scissors": "cutting paper",
    "a blanket": "keeping warm",
    "a book": "reading",
}
KINDS = {
    "an apple": "fruit",
    "a carrot": "vegetable",
    "a dog": "animal",
    "a rose": "flower",
    "a chair": "piece of furniture",
    "a banana": "fruit",
    "a table": "piece of furniture",
    "a cat": "animal",
    "a bee": "insect",
    "a car": "vehicle",
}
UNKNOWN_QUESTIONS = [
    "What is the capital of {place}?",
    "Who is the president of {place}?",
    "Who wrote {work}?",
    "How do I fix my {machine}?",
    "What is the weather like [today|tomorrow|in {place}]?",
    "Can you write a program in {language}?",
    "Explain {subject} to me.",
    "What do you know about {subject}?",
    "How far is it to {place}?",
    "Tell me about {subject}.",
    "What happened in {year}?",
    "What is the news today?",
    "What time is it?",
    "How much does a {machine} cost?",
    "Translate this into {language}.",
    "Who won the game yesterday?",
    "What is the meaning of life?",
    "Can you call my {machine}?",
    "How old is {work}?",
    "When was {place} built?",
    "Where can I buy a {machine}?",
    "What is {subject}?",
]
UNKNOWN_WORDS = {
    "place": ["France", "Japan", "Brazil", "Rome", "London", "Egypt", "Canada", "Mars", "New York"],
    "work": ["Hamlet", "this song", "the Bible", "that book", "Faust", "the Odyssey"],
    "machine": ["car", "computer", "phone", "fridge", "bike", "washing machine", "television"],
    "language": ["Python", "German", "French", "Spanish", "Java", "Latin", "Chinese"],
    "subject": [
        "physics",
        "history",
        "the stock market",
        "chemistry",
        "politics",
        "gravity",
        "music theory",
        "football",
        "taxes",
        "the internet",
        "biology",
        "philosophy",
        "electricity",
        "cooking",
    ],
    "year": ["1066", "1492", "1815", "1945", "1969", "1989", "2001"],
}


def _article(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def sound(random):
    animal, noise = random.choice(list(SOUNDS.items()))
    question = random.choice(
        (
            f"What does {_article(animal)} say?",
            f"What sound does {_article(animal)} make?",
            f"What noise does the {animal} make?",
        )
    )
    return question, random.choice(
        (
            f"{_article(animal).capitalize()} says {noise}.",
            f"The {animal} says {noise}!",
        )
    )


def baby(random):
    animal, young = random.choice(list(BABIES.items()))
    question = random.choice(
        (
            f"What is a baby {animal} called?",
            f"What do you call a baby {animal}?",
        )
    )
    return question, f"A baby {animal} is called {_article(young)}."


def animal_home(random):
    animal, home = random.choice(list(ANIMAL_HOMES.items()))
    return (
        f"Where does {_article(animal)} live?",
        f"{_article(animal).capitalize()} lives in {home}.",
    )


def legs(random):
    animal, number = random.choice(list(LEGS.items()))
    question = random.choice(
        (
            f"How many legs does {_article(animal)} have?",
            f"How many legs has {_article(animal)}?",
        )
    )
    return question, f"{_article(animal).capitalize()} has {number} legs."


def colour(random):
    thing, name = random.choice(list(COLOURS.items()))
    question = random.choice((f"What colour is {thing}?", f"What color is {thing}?"))
    return question, f"{thing[0].upper()}{thing[1:]} is {name}."


def opposite(random):
    pair = random.choice(OPPOSITES)
    first, second = pair if random.random() < 0.5 else pair[::-1]
    question = random.choice(
        (
            f"What is the opposite of {first}?",
            f"Tell me the opposite of {first}.",
        )
    )
    return question, f"The opposite of {first} is {second}."


def calendar(random):
    cycle, noun = random.choice(
        ((DAYS, "day"), (DAYS, "day"), (MONTHS, "month"), (SEASONS, "season"))
    )
    index = random.randrange(len(cycle))
    here, following = cycle[index], cycle[(index + 1) % len(cycle)]
    if noun == "day" and random.random() < 0.8:
        return random.choice(
            (
                (f"What {noun} comes after {here}?", f"After {here} comes {following}."),
                (f"Which {noun} comes before {following}?", f"Before {following} comes {here}."),
            )
        )
    listed = ", ".join(cycle[:-1]) + " and " + cycle[-1]
    names = {"day": "days of the week", "month": "months of the year", "season": "four seasons"}[
        noun
    ]
    question = random.choice(
        (f"What are the {names}?", f"Name the {names}.", f"Tell me the {names}.")
    )
    return question, f"The {names} are {listed}."


def counting(random):
    last = random.randint(3, 10)
    if random.random() < 0.5:
        listed = ", ".join(NUMBERS[1 : last + 1])
        return f"Count to {NUMBERS[last]}.", listed[0].upper() + listed[1:] + "."
    listed = ", ".join(str(number) for number in range(1, last + 1))
    return random.choice((f"Count to {last}.", f"Can you count to {last}?")), listed + "."


def sums(random):
    first, second = random.randint(1, 5), random.randint(1, 5)
    if random.random() < 0.65:
        if random.random() < 0.25:
            total = NUMBERS[first + second]
            question = f"What is {NUMBERS[first]} plus {NUMBERS[second]}?"
            return question, f"{NUMBERS[first].capitalize()} plus {NUMBERS[second]} is {total}."
        question = random.choice(
            (
                f"What is {first} plus {second}?",
                f"What is {first} + {second}?",
                f"How much is {first} plus {second}?",
            )
        )
        return question, f"{first} plus {second} is {first + second}."
    first, second = max(first, second), min(first, second)
    question = random.choice((f"What is {first} minus {second}?", f"What is {first} - {second}?"))
    return question, f"{first} minus {second} is {first - second}."


def next_number(random):
    number = random.randint(1, 19)
    return f"What number comes after {number}?", f"After {number} comes {number + 1}."


def use(random):
    thing, purpose = random.choice(list(USES.items()))
    verb = "are" if thing == "scissors" else "is"
    question = f"What {verb} {thing} for?"
    return question, f"{thing[0].upper()}{thing[1:]} {verb} for {purpose}."


def kind_of(random):
    thing, group = random.choice(list(KINDS.items()))
    name = f"{thing[0].upper()}{thing[1:]}"
    if random.random() < 0.6:
        return f"What is {thing}?", f"{name} is {_article(group)}."
    other = random.choice([g for g in sorted(set(KINDS.values())) if g != group])
    asked, answer = random.choice(((group, "Yes"), (other, "No")))
    return f"Is {thing} {_article(asked)}?", f"{answer}, {thing} is {_article(group)}."


FACTS = (
    sound,
    baby,
    animal_home,
    legs,
    colour,
    colour,
    opposite,
    opposite,
    calendar,
    counting,
    sums,
    sums,
    next_number,
    use,
    kind_of,
)
