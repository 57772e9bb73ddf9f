"""Writes short conversations from a seeded random generator; train.py learns from them.

A conversation is a list of texts, user first, alternating. It mixes greetings, what the model is,
small facts, requests for stories (with questions about the story just told) and things the model
does not know. `conversation(random)` is all that the other files need.
"""

import re

import story_words as words
from chat_facts import FACTS, UNKNOWN_QUESTIONS, UNKNOWN_WORDS
from stories import story

GREETINGS = [
    "Hello!",
    "Hi!",
    "Hello",
    "Hi",
    "Hey!",
    "Good morning!",
    "Hi there!",
    "hello",
    "Hey there",
]
GREETING_ANSWERS = [
    "Hello! How can I help you?",
    "Hi! What can I do for you?",
    "Hello! It is nice to meet you.",
    "Hello! Would you like to hear a story?",
    "Hi there! Ask me something, or ask for a story.",
]
ABOUT = [
    (
        [
            "Who are you?",
            "What are you?",
            "What is your name?",
            "Tell me about yourself.",
            "What's your name?",
        ],
        [
            "I am Inkling, a very small language model. I can tell short stories.",
            "My name is Inkling. I am a tiny language model that likes to tell stories.",
            "I am Inkling. I am a small model that runs on your device.",
        ],
    ),
    (
        ["What can you do?", "How can you help me?", "What do you know?", "Can you help me?"],
        [
            "I can tell you a short story, and I know a few simple things about animals, "
            "colours and numbers.",
            "I can tell stories and answer simple questions. Ask me for a story about a fox!",
        ],
    ),
    (
        ["How are you?", "How are you today?", "How do you feel?", "Are you well?"],
        [
            "I am fine, thank you! How are you?",
            "I am very well, thank you.",
            "I am happy to talk to you.",
        ],
    ),
    (
        ["Are you a human?", "Are you a robot?", "Are you real?", "Are you a person?"],
        ["No, I am a small language model.", "I am a computer program that writes text."],
    ),
    (
        ["How old are you?", "Where do you live?", "Do you have a friend?", "Do you sleep?"],
        [
            "I am a computer program, so that is hard to say.",
            "I live in your device, and I like stories.",
        ],
    ),
    (
        ["Do you like stories?", "What do you like?", "What is your favourite thing?"],
        [
            "I love stories! Would you like to hear one?",
            "I like stories about animals and good friends.",
        ],
    ),
]
THANKS = [
    "Thank you!",
    "Thanks!",
    "Thank you very much.",
    "Thanks a lot!",
    "That was nice.",
    "Great!",
    "thanks",
]
THANKS_ANSWERS = [
    "You are welcome!",
    "You are welcome! Would you like to hear a story?",
    "I am glad that you liked it.",
    "My pleasure!",
]
GOODBYES = ["Goodbye!", "Bye!", "Good night!", "See you later!", "I have to go now.", "bye"]
GOODBYE_ANSWERS = ["Goodbye! Have a nice day.", "Bye! See you soon.", "Goodbye! Come back soon."]
UNKNOWN_ANSWERS = [
    "I am sorry, I do not know that. I am only a small model.",
    "I do not know that, but I can tell you a story.",
    "That is too hard for me. I am a very small model.",
    "I am sorry, I cannot help with that. Would you like to hear a story?",
]
STORY_REQUESTS = [
    "Tell me a story about {topic}.",
    "Tell me a story about {topic}.",
    "tell me a story about {topic}",
    "Can you tell me a story about {topic}?",
    "Please tell me a story about {topic}.",
    "Write a story about {topic}.",
    "Write a short story about {topic}.",
    "Tell me a short story about {topic}.",
    "I want to hear a story about {topic}.",
    "Do you know a story about {topic}?",
]
ANY_STORY_REQUESTS = [
    "Tell me a story.",
    "Tell me a story!",
    "Can you tell me a story?",
    "Please tell me a story.",
    "Write a short story.",
    "I want to hear a story.",
    "Tell me another story.",
    "Do you know a story?",
    "Tell me a bedtime story.",
]
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


def _greeting(random):
    return random.choice(GREETINGS), random.choice(GREETING_ANSWERS)


def _about(random):
    questions, answers = random.choice(ABOUT)
    return random.choice(questions), random.choice(answers)


def _fact(random):
    return random.choice(FACTS)(random)


def _unknown(random):
    question = random.choice(UNKNOWN_QUESTIONS)
    question = _CHOICE.sub(lambda match: random.choice(match.group(1).split("|")), question)
    question = _SLOT.sub(lambda match: random.choice(UNKNOWN_WORDS[match.group(1)]), question)
    return question, random.choice(UNKNOWN_ANSWERS)


def _thanks(random):
    return random.choice(THANKS), random.choice(THANKS_ANSWERS)


def _story_turns(random):
    """A request, the story, and perhaps a question about it."""
    kind = random.choice(words.ANIMALS) if random.random() < 0.6 else None
    told = story(random, kind)
    a_kind = ("an " if told.kind[0] in "aeio" else "a ") + told.kind
    draw = random.random()
    if draw < 0.15:
        request = random.choice(ANY_STORY_REQUESTS)
    else:
        if draw < 0.55:
            topic = a_kind
        elif draw < 0.75:
            topic = f"{a_kind} named {told.hero}"
        else:
            topic = random.choice(told.topics)
            topic = re.sub(r"^a (?=[aeio])", "an ", topic)
        request = random.choice(STORY_REQUESTS).replace("{topic}", topic)
    turns = [request, told.text]
    if random.random() < 0.4:
        turns += random.choice(
            (
                (
                    f"What was the name of the {told.kind}?",
                    f"The name of the {told.kind} was {told.hero}.",
                ),
                ("Who was the story about?", f"The story was about {told.hero}, {a_kind}."),
                (
                    f"Who was the friend of {told.hero}?",
                    f"The friend of {told.hero} was {told.friend}.",
                ),
            )
        )
    return turns


def _named_user(random):
    """The user gives a name, something else is said, and the model still knows the name."""
    name = random.choice(words.BOY_NAMES + words.GIRL_NAMES)
    greeting = random.choice(("", "Hello! ", "Hi, "))
    said = greeting + random.choice(("My name is", "I am")) + f" {name}."
    turns = [
        said,
        random.choice((f"Nice to meet you, {name}!", f"Hello, {name}! How can I help you?")),
    ]
    if random.random() < 0.5:
        turns += random.choice((_fact, _about))(random)
    if random.random() < 0.6:
        turns += ["What is my name?", f"Your name is {name}."]
    return turns


_PARTS = (
    (_fact, 14),
    (_story_turns, 6),
    (_about, 3),
    (_unknown, 2),
    (_thanks, 1),
    (_named_user, 1),
)


def conversation(random):
    """Returns texts, user and model in turn; at most one story, so at most about 350 tokens."""
    turns = []
    if random.random() < 0.25:
        turns += _greeting(random)
    makers, weights = zip(*_PARTS)
    told_story = False
    for _ in range(random.choice((1, 1, 2, 2, 3, 4))):
        maker = random.choices(makers, weights)[0]
        if maker is _story_turns and told_story:
            maker = _fact
        told_story = told_story or maker is _story_turns
        turns += maker(random)
    if random.random() < 0.15:
        turns += _thanks(random)
    if random.random() < 0.1:
        turns += [random.choice(GOODBYES), random.choice(GOODBYE_ANSWERS)]
    return turns
